using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Streaming;

namespace Counterweight.Evaluation.Studies.Streaming;

/// <summary>One run of a controller and what it started from.</summary>
/// <param name="Phase"><c>prefill</c> or <c>decode</c>.</param>
/// <param name="Start">The policy of the first plan.</param>
/// <param name="Devices">Devices of the plan.</param>
/// <param name="Windows">Windows of a segment.</param>
/// <param name="Run">What happened.</param>
internal sealed record StreamCase(string Phase, string Start, int Devices, int Windows, StreamRun Run)
{
    /// <summary>The cases that are looked at by segment.</summary>
    public bool IsMain => Start == StreamComparison.Start && Devices == StreamComparison.Devices && Windows == StreamComparison.Windows;
}

/// <summary>Serves every stream with every controller, on recorded loads.</summary>
internal sealed class StreamComparison(StudyContext context, StreamMaterial material, CancellationToken cancellation)
{
    /// <summary>The device count that segments and quality are looked at for.</summary>
    public const int Devices = 8;

    /// <summary>The policy that streams start from, where not said otherwise: one redundant expert on each device, paid with precision.</summary>
    public const string Start = "robust";

    /// <summary>Windows of a segment, where not said otherwise.</summary>
    public static readonly int Windows = new StreamShape().Windows;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly int[] DeviceCounts = [2, 4, 8, 16];
    private static readonly string[] OtherStarts = ["paper", "budget"];

    private readonly IReadOnlyList<LoadTrace> _known = Known(context, cancellation);

    /// <summary>All cases in a fixed order: by devices, with segments of half the length, then with other first plans.</summary>
    public IReadOnlyList<StreamCase> Run()
    {
        List<(string Start, int Devices, int Windows)> cells = [.. DeviceCounts.Where(count => Fits(count) && (count == Devices || !context.Quick)).Select(count => (Start, count, Windows))];
        if (Fits(Devices))
            cells.Add((Start, Devices, Windows / 2));
        if (Fits(Devices) && !context.Quick)
            cells.AddRange(OtherStarts.Select(start => (start, Devices, Windows)));
        using var work = context.Progress.Begin("Serving streams", cells.Count * 2 * StreamPatterns.Names.Count);
        return [.. cells.SelectMany(cell => Cases(cell.Start, cell.Devices, cell.Windows, work))];
    }

    /// <summary>Whether experts and copies have room on so many devices.</summary>
    public bool Fits(int devices) => devices <= context.Model.Shape.Experts / 2;

    private IEnumerable<StreamCase> Cases(string start, int devices, int windows, IWorkProgress work)
    {
        var first = FirstPlan(start, devices);
        foreach (var (phase, units) in new[] { ("prefill", material.Prefill), ("decode", material.Decode) })
            foreach (var pattern in StreamPatterns.Names)
            {
                var stream = new StreamPatterns(material.Domains, units, material.Shape with { Windows = windows }).Build(pattern);
                foreach (var name in StreamingControllers.Names.Prepend(StreamRun.None))
                    yield return new StreamCase(phase, start, devices, windows, Serve(first, stream, name, keepPrecisions: true));
                work.Advance(1);
            }
    }

    /// <summary>A plan from calibration text at no more bytes than the model has.</summary>
    public Plan FirstPlan(string policy, int devices) => PlanPolicies.Create(policy).Create(context.Request(cancellation) with
    {
        Devices = devices,
        Precisions = policy == "paper" ? [context.LowPrecision] : [Precision.Int8, Precision.Int4],
        // The policies that are compared by balance here do not all keep the default limit.
        MaxLoss = policy == "budget" ? 0.001 : 10,
    });

    /// <summary>A controller on a stream.</summary>
    public StreamRun Serve(Plan first, LoadStream stream, string name, bool keepPrecisions)
    {
        cancellation.ThrowIfCancellationRequested();
        var clock = new StreamClock();
        var calibration = context.Calibration(cancellation);
        var controller = name == StreamRun.None ? null : StreamingControllers.Create(name, first, calibration.Costs,
            new StreamingOptions { KeepPrecisions = keepPrecisions }, clock, ErrorsPerToken(calibration.Importance, calibration.Traces), _known);
        return StreamRun.Serve(stream, controller, first, clock, Interval);
    }

    // Loads are cheap to record, so those of all calibration text are known, whatever the rest of calibration samples.
    private static LoadTrace[] Known(StudyContext context, CancellationToken cancellation) =>
    [
        .. context.Calibrator().RecordLoads(context.ReadAll(context.Options.CalibrationFiles), cancellation),
        .. context.Calibration(cancellation).Traces.Where(trace => trace.Phase == LoadPhase.Decode),
    ];

    // Losses were measured for the loads of calibration; what counts for others is the loss for each token.
    private static Dictionary<Precision, double[][]> ErrorsPerToken(ExpertImportance importance, IReadOnlyList<LoadTrace> traces)
    {
        var total = ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);
        return importance.Loss.ToDictionary(entry => entry.Key,
            entry => entry.Value.Select((layer, l) => layer.Select((loss, e) => Math.Max(0, loss) / Math.Max(1, total[l][e])).ToArray()).ToArray());
    }
}
