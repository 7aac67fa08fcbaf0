using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Studies;

/// <summary>A metric of a task or group under a plan, paired with the model as it is.</summary>
/// <param name="Task">The task or group.</param>
/// <param name="Metric">The metric.</param>
/// <param name="Paired">Over samples.</param>
/// <param name="StandardError">Of the metric under the plan.</param>
/// <param name="McNemar">For metrics of 0 and 1; null for others.</param>
internal sealed record TaskComparison(string Task, string Metric, PairedComparison Paired, double StandardError, McNemarTest? McNemar)
{
    /// <summary>The probability that is corrected: McNemar's where there is one.</summary>
    public double PValue => McNemar?.PValue ?? Paired.Difference.PValue;

    /// <summary>Whether no change is within the 95 % interval of the difference.</summary>
    public bool HoldsZero => Paired.Difference.Low <= 0 && Paired.Difference.High >= 0;

    /// <summary>Every metric that is a mean over samples and that all samples of the task have.</summary>
    public static IEnumerable<TaskComparison> Of(string task, EvaluationResults before, EvaluationResults after)
    {
        var metrics = before.Samples.Select(sample => sample.Metrics.Where(metric => metric.Weight is null).Select(metric => metric.Name));
        foreach (var metric in metrics.Aggregate((common, names) => common.Intersect(names).ToArray()))
        {
            double[] Values(EvaluationResults results) => [.. results.Samples.Select(sample => sample.Metric(metric).Value)];
            var (x, y) = (Values(before), Values(after));
            var mean = y.Average();
            var stderr = y.Length < 2 ? double.NaN : Math.Sqrt(y.Sum(value => (value - mean) * (value - mean)) / (y.Length - 1) / y.Length);
            yield return new TaskComparison(task, metric, PairedComparison.Of(x, y), stderr, McNemarTest.CanTest(x) && McNemarTest.CanTest(y) ? McNemarTest.Of(x, y) : null);
        }
    }

    /// <summary>Holm's step-down correction: the probability of any false alarm in the family stays below the level.</summary>
    public static double[] Holm(IReadOnlyList<double> pValues)
    {
        var adjusted = new double[pValues.Count];
        var (largest, rank) = (0.0, 0);
        foreach (var i in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]))
            adjusted[i] = largest = Math.Max(largest, Math.Min(1, (pValues.Count - rank++) * pValues[i]));
        return adjusted;
    }
}
