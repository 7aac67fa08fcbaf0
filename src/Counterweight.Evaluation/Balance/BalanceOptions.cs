using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Balance;

/// <summary>What the main job is to do.</summary>
public sealed record BalanceOptions
{
    /// <summary>The model's folder.</summary>
    public required string Model { get; init; }

    /// <summary>Calibration text, one file for each kind of traffic. Empty where <see cref="SelfTokens"/> is set.</summary>
    public required IReadOnlyList<string> CalibrationFiles { get; init; }

    /// <summary>Tokens that the model writes itself for calibration in place of files, 1024 or more; 0 (default): none.</summary>
    public int SelfTokens { get; init; }

    /// <summary>Most tokens of calibration text, 1024 or more; default 65536.</summary>
    public int CalibrationTokens { get; init; } = 65536;

    /// <summary>Text to measure on; no file of it may be calibration text.</summary>
    public required IReadOnlyList<string> EvaluationFiles { get; init; }

    /// <summary>Most tokens of each evaluation file, 1 or more; null (default): all.</summary>
    public int? EvaluationTokens { get; init; }

    /// <summary>Tasks by name.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>Folder of the public benchmarks; null (default): none.</summary>
    public string? BenchmarkFolder { get; init; }

    /// <summary>Folder of the built-in task data; null (default): none.</summary>
    public string? TaskTextFolder { get; init; }

    /// <summary>Only the first samples of each task, 1 or more; null (default): all.</summary>
    public int? TaskLimit { get; init; }

    /// <summary>The plan policy by name; default <c>budget</c>.</summary>
    public string Policy { get; init; } = "budget";

    /// <summary>Options of the policy by name.</summary>
    public IReadOnlyDictionary<string, string> PolicyOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>Limit on expert bytes as a ratio to the original; default 1.0.</summary>
    public double Budget { get; init; } = 1.0;

    /// <summary>Limit on the predicted rise of the loss, nats per token; null: the default of <see cref="PlanRequest.MaxLoss"/>.</summary>
    public double? MaxLoss { get; init; }

    /// <summary>Devices of the plan; default 8.</summary>
    public int Devices { get; init; } = 8;

    /// <summary>Precisions of copies; null (default): the policy's own.</summary>
    public IReadOnlyList<Precision>? Precisions { get; init; }

    /// <summary>Split policy by name; default <c>by-gate</c>.</summary>
    public string Split { get; init; } = "by-gate";

    /// <summary>The seed of everything random; default 1.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Threads; null (default): one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>The folder to write.</summary>
    public required string Out { get; init; }

    /// <summary>The command line as the user gave it, for the report.</summary>
    public string Command { get; init; } = "";

    internal TaskData TaskData => new(BenchmarkFolder, TaskTextFolder);

    internal CalibrationSource Calibration => new(CalibrationFiles, SelfTokens, CalibrationTokens, Seed);

    /// <summary>Checks what needs no model: ranges, files that are there, calibration and evaluation text apart, a writable folder.</summary>
    /// <exception cref="InvalidInputException">Names the option or file.</exception>
    public void Validate()
    {
        Calibration.Validate();
        if (EvaluationTokens < 1)
            throw new InvalidInputException("--eval-tokens", $"{EvaluationTokens}", "1 or more");
        PlanPolicies.Create(Policy, PolicyOptions);
        SplitPolicies.Create(Split);
        foreach (var task in Tasks)
            TaskRegistry.Find(task, TaskData);
        TextFiles.CheckApart(CalibrationFiles, EvaluationFiles);
        AtomicFolder.CheckWritable(Out);
    }
}
