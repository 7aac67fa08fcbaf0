using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Balance;

/// <summary>Accuracies of tasks and groups, and their paired differences.</summary>
internal static class TaskFigures
{
    private const string Acc = "acc";
    private const string AccNorm = "acc_norm";

    public static IReadOnlyDictionary<string, TaskAccuracy> Accuracy(IReadOnlyList<string> names, EvaluationResults? results) =>
        results is null ? new Dictionary<string, TaskAccuracy>() : names.Distinct().Where(name => MetricsOf(name, results).Any(metric => metric.Name == Acc)).ToDictionary(name => name, name =>
        {
            var metrics = MetricsOf(name, results);
            var acc = metrics.First(metric => metric.Name == Acc);
            var normalized = metrics.FirstOrDefault(metric => metric.Name == AccNorm);
            return new TaskAccuracy(acc.Value, acc.StandardError ?? 0, SamplesOf(name, results).Count,
                normalized is null ? null : new NormalizedAccuracy(normalized.Value, normalized.StandardError ?? 0));
        });

    public static IReadOnlyDictionary<string, PairedDifference> Differences(IReadOnlyList<string> names, EvaluationResults? before, EvaluationResults? after) =>
        before is null || after is null ? new Dictionary<string, PairedDifference>() : Accuracy(names, before).Keys.ToDictionary(name => name, name =>
        {
            var paired = PairedComparison.Of(Values(SamplesOf(name, before)), Values(SamplesOf(name, after))).Difference;
            return new PairedDifference(paired.Value, paired.StandardError, paired.Low, paired.High);
        });

    private static IReadOnlyList<MetricValue> MetricsOf(string name, EvaluationResults results) =>
        results.Groups.FirstOrDefault(group => group.Name == name)?.Metrics
        ?? results.Tasks.FirstOrDefault(task => task.Name == name)?.Metrics
        ?? [];

    private static List<SampleResult> SamplesOf(string name, EvaluationResults results)
    {
        var leaves = Leaves(name, results).ToHashSet();
        return [.. results.Samples.Where(sample => leaves.Contains(sample.Task))];
    }

    private static IEnumerable<string> Leaves(string name, EvaluationResults results) =>
        results.Groups.FirstOrDefault(group => group.Name == name) is { } found
            ? found.Parts.SelectMany(part => Leaves(part, results))
            : [name];

    private static double[] Values(List<SampleResult> samples) => [.. samples.Select(sample => sample.Metric(Acc).Value)];
}
