using System.Numerics;

namespace Counterweight.Balancing.Loads;

/// <summary>Max over mean of loads: the load-imbalance score (LIS) over slots, device imbalance over devices.</summary>
public static class LoadImbalance
{
    /// <summary>
    /// max / mean of <paramref name="loads"/>; 1 is perfect, and 1 is returned where nothing was routed. Over the slots of a layer
    /// this is the LIS; before any replica it is the paper's m·max n/(n·k) (R&amp;Q, Definition 1).
    /// </summary>
    public static double MaxOverMean<T>(ReadOnlySpan<T> loads) where T : INumber<T>
    {
        double max = 0, sum = 0;
        foreach (var load in loads)
        {
            var value = double.CreateChecked(load);
            max = Math.Max(max, value);
            sum += value;
        }
        return sum > 0 ? max * loads.Length / sum : 1;
    }

    /// <summary>The paper's form after replication: the busiest slot against the mean over the <paramref name="logicalExperts"/>.</summary>
    public static double PaperForm(ReadOnlySpan<long> slotLoads, int logicalExperts) =>
        MaxOverMean(slotLoads) * logicalExperts / slotLoads.Length;
}
