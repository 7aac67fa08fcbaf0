using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Yes-or-no questions about a passage. Clark et al., "BoolQ", 2019.</summary>
internal static class BoolQ
{
    public static MultipleChoiceTask Task { get; } = new("boolq", Read) { Version = 2 };

    private static IEnumerable<ChoiceDocument> Read(TaskData data) =>
        JsonRow.ReadLines(data.Benchmark("boolq", "val.jsonl")).Select(row => new ChoiceDocument(
            $"{row.Text("passage")}\nQuestion: {row.Text("question")}?\nAnswer:", ["no", "yes"], row.Flag("label") ? 1 : 0));
}
