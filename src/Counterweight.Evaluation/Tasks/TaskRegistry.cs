using Counterweight.Balancing;

namespace Counterweight.Evaluation.Tasks;

/// <summary>All tasks by name; a user's own task by the path of its description.</summary>
public static class TaskRegistry
{
    private const string DescriptionExtension = ".json";

    private static readonly TaskEntry[] BuiltIn =
    [
        Piqa.Task, HellaSwag.Task, WinoGrande.Task, Arc.Easy, Arc.Challenge, OpenBookQa.Dev, OpenBookQa.Test, BoolQ.Task,
        Copa.Dev, Copa.Test, Mmlu.Group, .. Mmlu.Areas, Mmlu.All, Blimp.Group, Blimp.All, TruthfulQa.Best, TruthfulQa.TrueMass,
        TruthfulQa.Written, Gsm8k.Plain, Gsm8k.ChainOfThought, Gsm8k.ThinkFirst, Lambada.OpenAi, Lambada.Standard, WikiText.Task, MinimalPairs.Group,
    ];

    /// <summary>
    /// Names of the tasks and groups that need no description. Parts of groups (<c>mmlu_anatomy</c>, <c>blimp_causative</c>) can be named
    /// as well.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [.. BuiltIn.Select(entry => entry.Name)];

    /// <summary>The task or group of that name, the task that a JSON file describes, or a LAMBADA task on a given file (<c>name=file</c>).</summary>
    /// <exception cref="InvalidInputException">There is none of that name, or the description can't be used.</exception>
    public static TaskEntry Find(string name, TaskData data)
    {
        if (name.EndsWith(DescriptionExtension, StringComparison.OrdinalIgnoreCase))
            return UserTask.Read(name);
        if (name.Split('=', 2) is [var task, var file] && Lambada.On(task, file) is { } given)
            return given;
        return Array.Find(BuiltIn, entry => entry.Name == name)
            ?? FindPart(name, data)
            ?? throw new InvalidInputException("--tasks", $"\"{name}\"", $"a .json file or one of {string.Join(", ", Names)}");
    }

    /// <summary>The tasks below an entry: itself where it is a task.</summary>
    internal static IEnumerable<EvaluationTask> Leaves(TaskEntry entry, TaskData data) => entry switch
    {
        TaskGroup group => group.Parts(data).SelectMany(part => Leaves(part, data)),
        var task => [(EvaluationTask)task],
    };

    private static EvaluationTask? FindPart(string name, TaskData data) => BuiltIn.OfType<TaskGroup>()
        .Where(group => name.StartsWith($"{group.Name}_", StringComparison.Ordinal))
        .SelectMany(group => Leaves(group, data))
        .FirstOrDefault(task => task.Name == name);
}
