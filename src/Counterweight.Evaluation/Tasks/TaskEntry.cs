using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <summary>What can be evaluated under a name: one task or a group of them.</summary>
public abstract class TaskEntry(string name)
{
    /// <summary>Name as given to <c>--tasks</c> and as it stands in results.</summary>
    public string Name { get; } = name;

    /// <summary>Version of lm-evaluation-harness's definition that it follows; 1 for one's own.</summary>
    public double Version { get; internal init; } = 1;
}

/// <summary>Several tasks with a common mean, weighted by their samples.</summary>
public sealed class TaskGroup : TaskEntry
{
    private readonly Func<TaskData, IReadOnlyList<TaskEntry>> _parts;

    internal TaskGroup(string name, Func<TaskData, IReadOnlyList<TaskEntry>> parts) : base(name) => _parts = parts;

    /// <summary>The tasks and groups directly below this one; some groups read their data for that.</summary>
    /// <exception cref="Balancing.InvalidInputException">The data is missing or a row of it is malformed.</exception>
    public IReadOnlyList<TaskEntry> Parts(TaskData data) => _parts(data);
}

/// <summary>A task: documents, the requests that a document makes, and metrics over what the model answers.</summary>
public abstract class EvaluationTask(string name) : TaskEntry(name)
{
    /// <summary>How it asks the model, in lm-evaluation-harness's words: <c>multiple_choice</c>, <c>loglikelihood</c>, …</summary>
    public abstract string OutputType { get; }

    /// <summary>Names of its metrics, and whether more is better.</summary>
    public abstract IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics { get; }

    /// <summary>Reads and checks the data.</summary>
    internal abstract LoadedTask Load(TaskData data, TaskOptions options);

    /// <summary>The task's metrics over its samples.</summary>
    internal abstract IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples);
}

/// <param name="FewShot">Examples in front of each document, null for the task's own number; tasks that have none ignore it.</param>
/// <param name="Seed">For drawing examples.</param>
/// <param name="Limit">Only the first documents.</param>
internal sealed record TaskOptions(int? FewShot, uint Seed, int? Limit);

/// <param name="Task">The task.</param>
/// <param name="FewShot">Examples that its documents really have.</param>
/// <param name="Available">Documents in the data.</param>
/// <param name="Documents">Those to evaluate.</param>
internal sealed record LoadedTask(EvaluationTask Task, int FewShot, int Available, IReadOnlyList<TaskDocument> Documents);
