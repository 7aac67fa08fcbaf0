using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Physical common sense: which of two solutions reaches a goal. Bisk et al., "PIQA", 2020.</summary>
internal static class Piqa
{
    public static MultipleChoiceTask Task { get; } = new("piqa", Read)
    {
        ChoiceMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy],
    };

    private static IEnumerable<ChoiceDocument> Read(TaskData data)
    {
        var labelFile = data.Benchmark("piqa", "valid-labels.lst");
        var labels = DataFile.Lines(labelFile).Select(line => Label(labelFile, line)).ToArray();
        JsonRow[] rows = [.. JsonRow.ReadLines(data.Benchmark("piqa", "valid.jsonl"))];
        if (labels.Length != rows.Length)
            throw new InvalidInputException(labelFile, $"{labels.Length} labels", $"{rows.Length}, one for each line of valid.jsonl");
        return rows.Zip(labels, (row, gold) => new ChoiceDocument(
            $"Question: {row.Text("goal")}\nAnswer:", [row.Text("sol1"), row.Text("sol2")], gold));
    }

    private static int Label(string file, (int Number, string Text) line) => line.Text.Trim() switch
    {
        "0" => 0,
        "1" => 1,
        var other => throw new InvalidInputException($"{file}:{line.Number}", $"\"{other}\"", "0 or 1"),
    };
}
