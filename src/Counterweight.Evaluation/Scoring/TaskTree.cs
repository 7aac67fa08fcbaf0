using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>What an evaluation was asked for: its tasks, each once, and the groups above them.</summary>
internal sealed class TaskTree
{
    private readonly List<EvaluationTask> _tasks = [];
    private readonly List<Group> _groups = [];

    public IReadOnlyList<EvaluationTask> Tasks => _tasks;

    public static TaskTree Of(IReadOnlyList<TaskEntry> entries, TaskData data)
    {
        var tree = new TaskTree();
        foreach (var entry in entries)
            tree.Add(entry, data);
        return tree;
    }

    /// <summary>Metrics of tasks and groups; <paramref name="samples"/> are those of the tasks, one task after the other.</summary>
    public EvaluationResults Summarize(EvaluationOptions options, LoadedTask[] loaded, List<SampleResult> samples)
    {
        var tasks = new List<TaskResult>();
        var start = 0;
        foreach (var (task, fewShot, available, documents) in loaded)
        {
            var metrics = task.Aggregate(samples.GetRange(start, documents.Count));
            tasks.Add(new TaskResult(task.Name, metrics, documents.Count, available, fewShot,
                [.. task.Metrics.Select(metric => metric.HigherIsBetter)], task.OutputType, task.Version));
            start += documents.Count;
        }
        var byName = tasks.ToDictionary(task => task.Name);
        return new EvaluationResults(options, tasks, [.. _groups.Select(group => Summarize(group, byName))], samples);
    }

    private static GroupResult Summarize(Group group, Dictionary<string, TaskResult> byName)
    {
        TaskResult[] tasks = [.. group.Tasks.Select(name => byName[name])];
        var shared = tasks[0].Metrics.Zip(tasks[0].HigherIsBetter)
            .Where(metric => tasks.All(task => task.Metrics.Any(other => other.Name == metric.First.Name))).ToArray();
        return new GroupResult(group.Name, group.Parts, [.. shared.Select(metric => MetricValue.Pooled(metric.First.Name, tasks))],
            tasks.Sum(task => task.Samples), [.. shared.Select(metric => metric.Second)], group.Version);
    }

    private string[] Add(TaskEntry entry, TaskData data)
    {
        if (entry is not TaskGroup group)
        {
            if (_tasks.TrueForAll(task => task.Name != entry.Name))
                _tasks.Add((EvaluationTask)entry);
            return [entry.Name];
        }
        var at = _groups.Count;
        var parts = group.Parts(data);
        _groups.Add(new Group(group.Name, group.Version, [.. parts.Select(part => part.Name)], []));
        string[] tasks = [.. parts.SelectMany(part => Add(part, data))];
        _groups[at] = _groups[at] with { Tasks = tasks };
        return tasks;
    }

    private sealed record Group(string Name, double Version, IReadOnlyList<string> Parts, IReadOnlyList<string> Tasks);
}
