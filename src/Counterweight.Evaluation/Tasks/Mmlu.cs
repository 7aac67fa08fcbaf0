using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Exams of 57 subjects in four areas. Hendrycks et al., "Measuring Massive Multitask Language Understanding", 2021.</summary>
internal static class Mmlu
{
    private const int Columns = 6;
    private static readonly string[] Letters = ["A", "B", "C", "D"];

    /// <summary>The areas, each subject with its description and with examples from its development set.</summary>
    public static IReadOnlyList<TaskGroup> Areas { get; } =
        [.. MmluSubjects.Areas.Select(area => Area(area.Name, [.. area.Subjects.Select(Subject)]))];

    /// <summary>All areas.</summary>
    public static TaskGroup Group { get; } = new("mmlu", _ => Areas) { Version = 2 };

    /// <summary>All subjects as one flat task without descriptions.</summary>
    public static MultipleChoiceTask All { get; } = new("mmlu_all", data =>
        MmluSubjects.Areas.SelectMany(area => area.Subjects).Order(StringComparer.Ordinal).SelectMany(subject => ReadTest(data, subject)));

    private static TaskGroup Area(string name, MultipleChoiceTask[] subjects) => new(name, _ => subjects) { Version = 2 };

    private static MultipleChoiceTask Subject(string subject) => new($"mmlu_{subject}", data => ReadTest(data, subject))
    {
        Description = $"The following are multiple choice questions (with answers) about {subject.Replace('_', ' ')}.\n\n",
        ReadExamples = data => Read(data.Benchmark("mmlu", "dev", $"{subject}_dev.csv")),
    };

    private static IEnumerable<ChoiceDocument> ReadTest(TaskData data, string subject) =>
        Read(data.Benchmark("mmlu", "test", $"{subject}_test.csv"));

    private static IEnumerable<ChoiceDocument> Read(string path) => CsvRow.ReadCommas(path, Columns).Select(row => new ChoiceDocument(
        $"{PythonText.Trim(row.Cells[0])}\nA. {row.Cells[1]}\nB. {row.Cells[2]}\nC. {row.Cells[3]}\nD. {row.Cells[4]}\nAnswer:",
        Letters,
        row.Letter(5, Letters.Length)));
}
