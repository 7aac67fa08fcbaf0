using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Elementary science with four answers. Mihaylov et al., "Can a Suit of Armor Conduct Electricity?", 2018.</summary>
internal static class OpenBookQa
{
    private const int Columns = 5;
    private static readonly string[] Letters = ["(A)", "(B)", "(C)", "(D)"];

    public static MultipleChoiceTask Dev { get; } = Task("openbookqa", "dev.tsv");

    public static MultipleChoiceTask Test { get; } = Task("openbookqa_test", "test.tsv");

    private static MultipleChoiceTask Task(string name, string file) => new(name, data => Read(data.Benchmark("openbookqa", file)))
    {
        ChoiceMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy],
    };

    private static IEnumerable<ChoiceDocument> Read(string path) =>
        CsvRow.SelectColumns(CsvRow.ReadTabs(path, Columns), "Question Stem", "Choices", "Answer Key")
            .Select(row => new ChoiceDocument(row.Cells[0], Choices(row), row.Letter(2, Letters.Length)));

    private static string[] Choices(CsvRow row)
    {
        var text = row.Cells[1];
        var starts = Array.ConvertAll(Letters, letter => text.IndexOf(letter, StringComparison.Ordinal));
        var choices = new string[Letters.Length];
        for (var i = 0; i < choices.Length; i++)
        {
            var end = i + 1 < starts.Length ? starts[i + 1] : text.Length;
            var start = starts[i] + Letters[i].Length;
            if (starts[i] < 0 || end < start || (choices[i] = PythonText.Trim(text[start..end])).Length == 0)
                throw row.Invalid($"choices \"{text}\"", "(A) text (B) text (C) text (D) text");
        }
        return choices;
    }
}
