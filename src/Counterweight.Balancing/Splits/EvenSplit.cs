namespace Counterweight.Balancing.Splits;

/// <summary>
/// Equal quotas for the copies of an expert, which differ by at most one token; remainders go to the copies that have had least so far.
/// </summary>
internal sealed class EvenSplit(bool ordersByGate) : ISplitPolicy
{
    public string Name => ordersByGate ? "by-gate" : "even";

    public bool OrdersByGate => ordersByGate;

    public void Split(ReadOnlySpan<int> expertLoads, SlotTable slots, ReadOnlySpan<long> slotTotals, Span<int> quotas) =>
        SplitEvenly(expertLoads, slots, slotTotals, quotas);

    public static void SplitEvenly(ReadOnlySpan<int> expertLoads, SlotTable slots, ReadOnlySpan<long> slotTotals, Span<int> quotas)
    {
        for (var e = 0; e < slots.Experts; e++)
        {
            var copies = slots.CopiesOf(e);
            var (share, remainder) = Math.DivRem(expertLoads[e], copies.Length);
            foreach (var slot in copies)
                quotas[slot] = share;
            for (; remainder > 0; remainder--)
                quotas[LeastTotal(copies, share, slotTotals, quotas)]++;
        }
    }

    // Copies are few: a scan per left-over token needs no scratch memory. Ties go to the first copy, which has the best precision.
    private static int LeastTotal(ReadOnlySpan<int> copies, int share, ReadOnlySpan<long> slotTotals, ReadOnlySpan<int> quotas)
    {
        var least = -1;
        foreach (var slot in copies)
            if (quotas[slot] == share && (least < 0 || slotTotals[slot] < slotTotals[least]))
                least = slot;
        return least;
    }
}
