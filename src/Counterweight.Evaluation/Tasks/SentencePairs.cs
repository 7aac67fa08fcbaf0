namespace Counterweight.Evaluation.Tasks;

/// <summary>Tasks whose documents are two whole sentences, the first of which should be the more probable one.</summary>
internal static class SentencePairs
{
    public static MultipleChoiceTask Task(string name, Func<TaskData, IEnumerable<ChoiceDocument>> read) =>
        new(name, read) { TakesExamples = false };

    public static ChoiceDocument Document(string good, string bad) => new("", [good, bad], 0);
}
