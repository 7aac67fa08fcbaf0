using System.Globalization;
using System.Text;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Results as comma-separated values, a line for each metric: <c>task,version,filter,n_shot,n,metric,higher_is_better,value,stderr</c>. Groups come first.</summary>
public static class ResultsCsv
{
    /// <summary>Writes the header and all lines.</summary>
    public static void Write(Stream stream, EvaluationResults results)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine("task,version,filter,n_shot,n,metric,higher_is_better,value,stderr");
        foreach (var group in results.Groups)
            WriteLines(text, group.Name, group.Version, null, group.Samples, group.Metrics, group.HigherIsBetter);
        foreach (var task in results.Tasks)
            WriteLines(text, task.Name, task.Version, task.FewShot, task.Samples, task.Metrics, task.HigherIsBetter);
    }

    private static void WriteLines(
        StreamWriter text, string name, double version, int? fewShot, int samples, IReadOnlyList<MetricValue> metrics, IReadOnlyList<bool> higherIsBetter)
    {
        foreach (var ((fullName, value, error), isHigherBetter) in metrics.Zip(higherIsBetter))
        {
            var (metric, filter) = MetricName.Split(fullName);
            text.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Cell(name)},{version},{Cell(filter)},{fewShot},{samples},{Cell(metric)},{(isHigherBetter ? "true" : "false")},{value:R},{error:R}"));
        }
    }

    // Names of tasks are the user's.
    private static string Cell(string text) => text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
