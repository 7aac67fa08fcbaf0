using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Loads;

/// <summary>The loads of one model: what <c>calibrate</c> writes and <c>plan</c> reads.</summary>
/// <param name="Model">The model that was recorded.</param>
/// <param name="Traces">At least one trace, all of shape [MoE layers, experts]; name and phase together are unique.</param>
public sealed record RecordedLoads(ModelFingerprint Model, IReadOnlyList<LoadTrace> Traces);
