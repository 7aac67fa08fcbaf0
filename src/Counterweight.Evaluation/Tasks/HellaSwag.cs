using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Common sense about what happens next. Zellers et al., "HellaSwag", 2019.</summary>
internal static class HellaSwag
{
    public static MultipleChoiceTask Task { get; } = new("hellaswag", Read)
    {
        ChoiceMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy],
    };

    private static IEnumerable<ChoiceDocument> Read(TaskData data)
    {
        foreach (var row in JsonRow.ReadLines(data.Benchmark("hellaswag", "hellaswag_val_first1000.jsonl")))
        {
            var endings = row.Texts("endings");
            yield return new ChoiceDocument(
                $"{row.Text("activity_label")}: {row.Text("ctx")}", endings, row.Index("label", endings.Length));
        }
    }
}
