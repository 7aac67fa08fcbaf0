namespace Counterweight.Evaluation.Scoring;

/// <summary>A metric over the samples of a task or group.</summary>
/// <param name="Name">Name of the metric.</param>
/// <param name="Value">Its value.</param>
/// <param name="StandardError">Standard error of the value; null where none is defined (perplexities, a single sample).</param>
public sealed record MetricValue(string Name, double Value, double? StandardError)
{
    /// <summary>The mean over samples with its standard error √(Σ(x − mean)² / (n − 1)) / √n.</summary>
    internal static MetricValue MeanOf(string name, IReadOnlyList<SampleResult> samples)
    {
        var values = samples.Select(sample => sample.Metric(name).Value).ToArray();
        var mean = values.Average();
        var squares = values.Sum(value => (value - mean) * (value - mean));
        return new MetricValue(name, mean, values.Length < 2 ? null : Math.Sqrt(squares / (values.Length - 1) / values.Length));
    }

    /// <summary>
    /// Mean of a group's tasks weighted by their samples nᵢ, and its pooled standard error
    /// √(Σ (nᵢ − 1)·nᵢ·seᵢ² / (Σnᵢ − k) / Σnᵢ) for k tasks.
    /// </summary>
    internal static MetricValue Pooled(string name, IReadOnlyList<TaskResult> tasks)
    {
        double total = tasks.Sum(task => task.Samples);
        var value = tasks.Sum(task => task.Samples * task.Metric(name).Value) / total;
        if (tasks.Any(task => task.Metric(name).StandardError is null))
            return new MetricValue(name, value, null);
        var squares = tasks.Sum(task => (task.Samples - 1.0) * task.Samples * Math.Pow(task.Metric(name).StandardError!.Value, 2));
        return new MetricValue(name, value, Math.Sqrt(squares / (total - tasks.Count) / total));
    }
}
