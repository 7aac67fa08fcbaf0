namespace Counterweight.Balancing.Splits;

/// <summary>
/// Decides how many of an expert's tokens each of its copies gets. Who goes where inside the quotas is the engine's choice
/// (token order, or gate order so that low-weight tokens take the low-precision copy).
/// </summary>
public interface ISplitPolicy
{
    /// <summary>The name in options: one of <see cref="SplitPolicies.Names"/>.</summary>
    string Name { get; }

    /// <summary>True if the tokens with the largest gate weights take the copies of the highest precision.</summary>
    bool OrdersByGate { get; }

    /// <summary>
    /// Splits the loads of one layer's batch over its slots. <paramref name="quotas"/> sums to the load for each expert.
    /// </summary>
    /// <param name="expertLoads">Tokens of each logical expert in this batch, [experts].</param>
    /// <param name="slots">The layer's slots with all derived tables.</param>
    /// <param name="slotTotals">Tokens that each slot has had so far, [slots]: remainders go where it is least. Not changed.</param>
    /// <param name="quotas">Receives the tokens of each slot, [slots].</param>
    void Split(ReadOnlySpan<int> expertLoads, SlotTable slots, ReadOnlySpan<long> slotTotals, Span<int> quotas);
}
