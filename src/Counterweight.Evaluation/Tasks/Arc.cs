using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>School science, development sets. Clark et al., "Think you have Solved Question Answering? Try ARC", 2018.</summary>
internal static class Arc
{
    public static MultipleChoiceTask Easy { get; } = Task("arc_easy", "ARC-Easy-Dev.jsonl");

    public static MultipleChoiceTask Challenge { get; } = Task("arc_challenge", "ARC-Challenge-Dev.jsonl");

    private static MultipleChoiceTask Task(string name, string file) => new(name, data => Read(data.Benchmark("arc", file)))
    {
        ChoiceMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy],
    };

    private static IEnumerable<ChoiceDocument> Read(string path)
    {
        foreach (var row in JsonRow.ReadLines(path))
        {
            var choices = row.Objects("question.choices");
            var labels = Array.ConvertAll(choices, choice => choice.Text("label"));
            var gold = Array.IndexOf(labels, row.Text("answerKey"));
            if (gold < 0)
                throw row.Invalid($"answerKey \"{row.Text("answerKey")}\"", $"one of {string.Join(", ", labels)}");
            yield return new ChoiceDocument(
                $"Question: {row.Text("question.stem")}\nAnswer:", [.. choices.Select(choice => choice.Text("text"))], gold);
        }
    }
}
