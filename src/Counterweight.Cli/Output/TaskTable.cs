using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;
using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>The tables of an evaluation as lm-evaluation-harness prints them: tasks under their groups, then the groups alone.</summary>
internal static class TaskTable
{
    public static void Render(IAnsiConsole console, EvaluationResults results)
    {
        var rows = Rows(results).ToArray();
        FigureTable.Render(console, Headers("task"), rows.SelectMany(row => row.Lines));
        var groups = rows.Where(row => row.IsGroup).ToArray();
        if (groups.Length > 0)
            FigureTable.Render(console, Headers("group"), groups.SelectMany(row => row.Lines));
    }

    private static string[] Headers(string first) => [first, "version", "n", "n-shot", "filter", "metric", "", "value", "stderr"];

    private static IEnumerable<(bool IsGroup, IEnumerable<string[]> Lines)> Rows(EvaluationResults results)
    {
        var groups = results.Groups.ToDictionary(group => group.Name);
        var tasks = results.Tasks.ToDictionary(task => task.Name);
        var parts = results.Groups.SelectMany(group => group.Parts).ToHashSet();
        IEnumerable<(bool, IEnumerable<string[]>)> Below(string name, int depth)
        {
            var shown = depth == 0 ? name : $"{new string(' ', depth)}- {name}";
            if (!groups.TryGetValue(name, out var group))
                return tasks.TryGetValue(name, out var task)
                    ? [(false, Lines(shown, task.Version, task.Samples, $"{task.FewShot}", task.Metrics, task.HigherIsBetter))]
                    : [];
            return group.Parts.SelectMany(part => Below(part, depth + 1))
                .Prepend((true, Lines(shown, group.Version, group.Samples, "", group.Metrics, group.HigherIsBetter)));
        }
        return results.Groups.Select(group => group.Name).Concat(results.Tasks.Select(task => task.Name))
            .Where(name => !parts.Contains(name)).SelectMany(name => Below(name, 0));
    }

    private static IEnumerable<string[]> Lines(
        string name, double version, int samples, string fewShot, IReadOnlyList<MetricValue> metrics, IReadOnlyList<bool> higherIsBetter) =>
        metrics.Zip(higherIsBetter).Select((line, m) =>
        {
            var ((fullName, value, error), isHigherBetter) = line;
            var (metric, filter) = MetricName.Split(fullName);
            string[] first = m == 0 ? [name, FigureText.Measure(version), FigureText.Count(samples), fewShot] : ["", "", "", ""];
            return (string[])[.. first, filter, metric, isHigherBetter ? "↑" : "↓", FigureText.Measure(value), error is { } known ? FigureText.Measure(known) : "N/A"];
        });
}
