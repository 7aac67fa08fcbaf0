namespace Counterweight.Balancing.Plans;

/// <summary>One physical expert: a loaded copy of a logical expert.</summary>
/// <param name="Expert">The logical expert, 0-based.</param>
/// <param name="Precision">The precision in which this copy is held.</param>
/// <param name="Device">The device that holds it, 0-based.</param>
public readonly record struct Slot(int Expert, Precision Precision, int Device);

/// <summary>The slots of one MoE layer.</summary>
/// <param name="Layer">The layer's number in the model, dense layers counted.</param>
/// <param name="Slots">All copies; each logical expert has at least one.</param>
public sealed record LayerPlan(int Layer, IReadOnlyList<Slot> Slots);

/// <summary>What identifies the model that a plan was made for.</summary>
/// <param name="ModelType">The <c>model_type</c> of the checkpoint's config.</param>
/// <param name="MoeLayers">The model's MoE layers by layer number, ascending.</param>
/// <param name="Experts">Logical experts per MoE layer.</param>
/// <param name="TopK">Experts that a token is sent to.</param>
/// <param name="WeightsHash">Lower-case hex SHA-256 over the router weights of the MoE layers in order, as stored; null where only loads are known.</param>
public sealed record ModelFingerprint(string ModelType, IReadOnlyList<int> MoeLayers, int Experts, int TopK, string? WeightsHash);

/// <summary>What a plan costs in expert bytes.</summary>
/// <param name="OriginalBytes">Expert bytes of the model as it is.</param>
/// <param name="PlannedBytes">Expert bytes under the plan, from real storage sizes.</param>
/// <param name="Limit">The most that the plan was allowed to cost, as a ratio to the original.</param>
public sealed record PlanBudget(long OriginalBytes, long PlannedBytes, double Limit);

/// <summary>Which policy made the plan, with every option it was given.</summary>
/// <param name="Name">For example <c>budget</c>.</param>
/// <param name="Options">Option names and values, in the order in which the policy documents them.</param>
/// <param name="Seed">The seed of the calibration that it was planned from.</param>
public sealed record PlanPolicy(string Name, IReadOnlyDictionary<string, string> Options, ulong Seed);

/// <summary>What the plan promises on the loads that it was made from.</summary>
/// <param name="Lis">Mean over layers of the LIS over slots.</param>
/// <param name="StragglerRatio">Mean over layers of (busiest slot before / busiest slot after).</param>
/// <param name="DeviceImbalance">Mean over layers of max over mean device load, even split.</param>
/// <param name="Loss">Predicted rise of the loss in nats per token; null where no distortion was measured.</param>
public sealed record PlanForecast(double Lis, double StragglerRatio, double DeviceImbalance, double? Loss);

/// <summary>Which physical experts each MoE layer holds, and why.</summary>
/// <param name="Model">The model that the plan is for.</param>
/// <param name="Devices">Number of devices; every slot's device is below it.</param>
/// <param name="Layers">One entry for each MoE layer, ascending.</param>
/// <param name="Budget">Expert bytes before and after.</param>
/// <param name="Policy">Provenance.</param>
/// <param name="Forecast">What the policy expects of it.</param>
public sealed record Plan(
    ModelFingerprint Model,
    int Devices,
    IReadOnlyList<LayerPlan> Layers,
    PlanBudget Budget,
    PlanPolicy Policy,
    PlanForecast Forecast);
