using Counterweight.Balancing;

namespace Counterweight.Cli.Verbs;

/// <summary>The model and texts that come with the project: looked for above the working folder, then above the program.</summary>
internal static class ProjectFiles
{
    /// <summary>The bundled model.</summary>
    public static string Model => Find("models/pocket-moe");

    /// <summary>Folder of the evaluation texts and built-in tasks; null where the program stands alone, whose tasks then say what they miss.</summary>
    public static string? EvaluationTextsIfThere => TryFind("texts/evaluation");

    /// <summary>The environment variable that names the folder of the public benchmarks.</summary>
    public const string TaskDataVariable = "COUNTERWEIGHT_TASK_DATA";

    /// <summary>Folder of the public benchmarks, or null.</summary>
    public static string? TaskDataIfThere =>
        Environment.GetEnvironmentVariable(TaskDataVariable) is { Length: > 0 } named ? named : TryFind("shared/data/benchmarks");

    /// <summary>The texts of a folder, by name.</summary>
    public static string[] Texts(string folder) => [.. Directory.GetFiles(Find(folder), "*.txt").Order(StringComparer.Ordinal)];

    private static string Find(string relative) =>
        TryFind(relative) ?? throw new InvalidInputException(relative, "nothing of that name above this folder or the program", "the files that come with the project, or options that name others");

    private static string? TryFind(string relative)
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (Path.Exists(Path.Combine(folder.FullName, relative)))
                    return Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(folder.FullName, relative));
        return null;
    }
}
