using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>How much each expert matters, measured on calibration text.</summary>
/// <param name="WandaBottom">The paper's prose reading: mean of the lowest fraction of |W|·‖X‖₂, [layers][experts]; lower = more important.</param>
/// <param name="WandaTop">The paper's listing: mean of the highest entries, [layers][experts]; argmax = least important.</param>
/// <param name="Loss">
/// Predicted rise of the loss (nats per token of calibration text) if all tokens of an expert go to a copy of that precision,
/// [layers][experts] by precision: gate²-weighted output distortion times the measured sensitivity of the layer.
/// </param>
/// <param name="GateShare">
/// Share of the squared gate weight that the highest-gated tokens of an expert hold, [layers][experts][i] for the top i/8 of its
/// tokens, i = 0..8; null where unknown, and then tokens count alike.
/// </param>
public sealed record ExpertImportance(
    double[][] WandaBottom,
    double[][] WandaTop,
    IReadOnlyDictionary<Precision, double[][]> Loss,
    double[][][]? GateShare)
{
    /// <summary>The listing with a fraction of all entries in place of a fraction of the columns, [layers][experts]; null where it was not computed.</summary>
    public double[][]? WandaTopFraction { get; init; }
}

/// <summary>Everything that a policy may look at: calibration only, never evaluation data.</summary>
public sealed record PlanRequest
{
    /// <summary>The model that is planned for.</summary>
    public required ModelFingerprint Model { get; init; }

    /// <summary>Calibration traffic: at least one trace, all of shape [MoE layers, experts]. Several traces are kinds of traffic that may come alone.</summary>
    public required IReadOnlyList<LoadTrace> Traces { get; init; }

    /// <summary>Stored bytes of an expert by precision.</summary>
    public required ExpertCosts Costs { get; init; }

    /// <summary>Importance of the experts; null lets a policy that needs it refuse.</summary>
    public ExpertImportance? Importance { get; init; }

    /// <summary>Limit on expert bytes as a ratio to the original, 0.1 to 16. Default 1.0: not a byte more.</summary>
    public double Budget { get; init; } = 1.0;

    /// <summary>Limit on the predicted rise of the loss, nats per token, 0 to 10. Default 0.001 (+0.1 % perplexity).</summary>
    public double MaxLoss { get; init; } = 0.001;

    /// <summary>Devices that slots are placed on, 1 to 1024. Default 8.</summary>
    public int Devices { get; init; } = 8;

    /// <summary>
    /// Precisions that copies may have, the checkpoint's own included if listed. Null: what the policy documents as its default.
    /// </summary>
    public IReadOnlyList<Precision>? Precisions { get; init; }

    /// <summary>The seed of everything random.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>Chooses the copies, precisions and devices of every MoE layer. A pure function: equal requests give equal plans.</summary>
public interface IPlanPolicy
{
    /// <summary>The name in options and plan files.</summary>
    string Name { get; }

    /// <summary>Makes the plan.</summary>
    /// <exception cref="InvalidInputException">The request cannot be met; says which limit and by how much.</exception>
    Plan Create(PlanRequest request);
}
