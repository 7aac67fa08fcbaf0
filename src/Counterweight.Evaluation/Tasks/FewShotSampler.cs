using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Draws examples for each document as lm-evaluation-harness does: with one generator for the task, document by document.</summary>
internal static class FewShotSampler
{
    /// <summary>Among the task's own documents: one more than needed, the document itself left out.</summary>
    public static IReadOnlyList<T>[] DrawAmong<T>(string task, T[] all, int documents, int count, uint seed)
    {
        if (count + 1 > all.Length)
            throw TooMany(task, count, all.Length - 1);
        var random = new PythonRandom(seed);
        var examples = new IReadOnlyList<T>[documents];
        for (var id = 0; id < documents; id++)
            examples[id] = [.. random.Sample(all.Length, count + 1).Where(other => other != id).Take(count).Select(other => all[other])];
        return examples;
    }

    /// <summary>From a training set.</summary>
    public static IReadOnlyList<T>[] DrawFrom<T>(string task, T[] training, int documents, int count, uint seed)
    {
        if (count > training.Length)
            throw TooMany(task, count, training.Length);
        var random = new PythonRandom(seed);
        var examples = new IReadOnlyList<T>[documents];
        for (var id = 0; id < documents; id++)
            examples[id] = [.. random.Sample(training.Length, count).Select(drawn => training[drawn])];
        return examples;
    }

    public static InvalidInputException TooMany(string task, int asked, int available) =>
        new($"few-shot examples of {task}", asked.ToString(), $"at most {available}, which is all that its data has");
}
