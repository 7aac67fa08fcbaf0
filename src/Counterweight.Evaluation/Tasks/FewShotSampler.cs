using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>
/// Draws examples for each document among the task's own documents, as lm-evaluation-harness does: one generator for the task,
/// one more than needed for each document in order, the document itself left out.
/// </summary>
internal static class FewShotSampler
{
    public static IReadOnlyList<ChoiceDocument>[] Draw(string task, ChoiceDocument[] all, int documents, TaskOptions options)
    {
        if (options.FewShot + 1 > all.Length)
            throw TooMany(task, options.FewShot, all.Length - 1);
        var random = new PythonRandom(options.Seed);
        var examples = new IReadOnlyList<ChoiceDocument>[documents];
        for (var id = 0; id < documents; id++)
        {
            var drawn = random.Sample(all.Length, options.FewShot + 1);
            examples[id] = [.. drawn.Where(other => other != id).Take(options.FewShot).Select(other => all[other])];
        }
        return examples;
    }

    public static InvalidInputException TooMany(string task, int asked, int available) =>
        new($"few-shot examples of {task}", asked.ToString(), $"at most {available}, which is all that its data has");
}
