namespace Counterweight.Evaluation.Scoring;

/// <summary>A task's metrics.</summary>
/// <param name="Name">The task.</param>
/// <param name="Metrics">Its metrics.</param>
/// <param name="Samples">Documents that were evaluated.</param>
/// <param name="Available">Documents in the data.</param>
/// <param name="FewShot">Examples in front of each document.</param>
/// <param name="HigherIsBetter">By metric, in the order of <paramref name="Metrics"/>.</param>
/// <param name="OutputType">How the task asks the model, in lm-evaluation-harness's words.</param>
/// <param name="Version">Version of lm-evaluation-harness's definition that the task follows; 1 for tasks of one's own.</param>
public sealed record TaskResult(
    string Name,
    IReadOnlyList<MetricValue> Metrics,
    int Samples,
    int Available,
    int FewShot,
    IReadOnlyList<bool> HigherIsBetter,
    string OutputType,
    double Version)
{
    /// <summary>The metric of that name.</summary>
    /// <exception cref="ArgumentException">The task has no such metric.</exception>
    public MetricValue Metric(string name) => Metrics.FirstOrDefault(metric => metric.Name == name)
        ?? throw new ArgumentException($"task {Name} has no metric {name}", nameof(name));
}

/// <summary>A group's metrics: means of its tasks weighted by their samples.</summary>
/// <param name="Name">The group.</param>
/// <param name="Parts">Names of the tasks and groups directly below it.</param>
/// <param name="Metrics">Metrics that all of its tasks have.</param>
/// <param name="Samples">Documents of all of its tasks.</param>
/// <param name="HigherIsBetter">By metric, in the order of <paramref name="Metrics"/>.</param>
/// <param name="Version">Version of lm-evaluation-harness's definition that the group follows; 1 for groups of one's own.</param>
public sealed record GroupResult(
    string Name, IReadOnlyList<string> Parts, IReadOnlyList<MetricValue> Metrics, int Samples, IReadOnlyList<bool> HigherIsBetter, double Version);

/// <summary>What an evaluation found.</summary>
/// <param name="Options">What was asked for.</param>
/// <param name="Tasks">Each task once, in the order asked for.</param>
/// <param name="Groups">Each group, outer ones before inner ones.</param>
/// <param name="Samples">All documents, in the order of the tasks.</param>
public sealed record EvaluationResults(
    EvaluationOptions Options,
    IReadOnlyList<TaskResult> Tasks,
    IReadOnlyList<GroupResult> Groups,
    IReadOnlyList<SampleResult> Samples);
