using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Streaming;

/// <summary>A slot that is to hold another expert.</summary>
/// <param name="Layer">MoE layer, 0-based, dense layers not counted.</param>
/// <param name="Slot">The slot's index in the layer's plan; its device and precision stay.</param>
/// <param name="Expert">The logical expert that it holds from then on.</param>
public readonly record struct SlotMove(int Layer, int Slot, int Expert);

/// <summary>A change of plans that a controller proposes. Slots keep their devices and precisions, and none gets an expert larger than it was laid out for.</summary>
/// <param name="After">The plan to go to.</param>
/// <param name="Moves">The slots that change, by layer and slot.</param>
/// <param name="Bytes">Bytes of the experts that are moved.</param>
/// <param name="ImbalanceBefore">Mean over layers of the predicted device imbalance of the served plan, even split.</param>
/// <param name="ImbalanceAfter">The same of the new plan.</param>
public sealed record PlanSwap(Plan After, IReadOnlyList<SlotMove> Moves, long Bytes, double ImbalanceBefore, double ImbalanceAfter);
