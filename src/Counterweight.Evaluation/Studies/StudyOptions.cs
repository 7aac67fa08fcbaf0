using Counterweight.Balancing;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Studies;

/// <summary>What is to be studied.</summary>
public sealed record StudyOptions
{
    /// <summary>The model's folder.</summary>
    public required string Model { get; init; }

    /// <summary>Studies by name (<see cref="StudyCatalog.Names"/>); none (default): all.</summary>
    public IReadOnlyList<string> Studies { get; init; } = [];

    /// <summary>Calibration text, one file for each domain.</summary>
    public required IReadOnlyList<string> CalibrationFiles { get; init; }

    /// <summary>Text to measure on; no file of it may be calibration text.</summary>
    public required IReadOnlyList<string> EvaluationFiles { get; init; }

    /// <summary>Tasks by name.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>Folder of the public benchmarks; null (default): none.</summary>
    public string? BenchmarkFolder { get; init; }

    /// <summary>Folder of the built-in task data; null (default): none.</summary>
    public string? TaskTextFolder { get; init; }

    /// <summary>Only the first samples of each task, 1 or more; null (default): all, or 200 where <see cref="Quick"/> is set.</summary>
    public int? TaskLimit { get; init; }

    /// <summary>Less text, fewer draws and samples: minutes in place of an hour, with wider intervals. Default false.</summary>
    public bool Quick { get; init; }

    /// <summary>Runs studies again that the folder has already. Default false: an interrupted run goes on where it ended.</summary>
    public bool Again { get; init; }

    /// <summary>The seed of everything random; default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Threads; null (default): one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>The folder to write.</summary>
    public required string Out { get; init; }

    /// <summary>The command line as the user gave it, without names of studies.</summary>
    public string Command { get; init; } = "";

    internal TaskData TaskData => new(BenchmarkFolder, TaskTextFolder);

    /// <summary>Most tokens of calibration text.</summary>
    internal int CalibrationTokens => Quick ? 16384 : 65536;

    /// <summary>Most tokens of each evaluation file; null: all.</summary>
    internal int? EvaluationTokens => Quick ? 1024 : null;

    /// <summary>Samples of each task; null: all.</summary>
    internal int? Limit => TaskLimit ?? (Quick ? 200 : null);

    internal CalibrationSource Calibration => new(CalibrationFiles, 0, CalibrationTokens, Seed);

    /// <summary>Checks what needs no model: names, files that are there, calibration and evaluation text apart.</summary>
    /// <exception cref="InvalidInputException">Names the option or file.</exception>
    public void Validate()
    {
        StudyCatalog.Find(Studies);
        Calibration.Validate();
        if (TaskLimit < 1)
            throw new InvalidInputException("--limit", $"{TaskLimit}", "1 or more");
        if (Tasks.Count == 0)
            throw new InvalidInputException("--tasks", "no task", "one or more");
        foreach (var task in Tasks)
            TaskRegistry.Find(task, TaskData);
        TextFiles.CheckApart(CalibrationFiles, EvaluationFiles);
    }
}
