using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;

namespace Counterweight.Balancing.Forecast;

/// <summary>How one layer is balanced under given loads.</summary>
/// <param name="LisBefore">LIS without replicas, the paper's m·max n / Σ n.</param>
/// <param name="Lis">slots · max slot load / total, even split.</param>
/// <param name="LisPaper">The same with the number of logical experts in place of the slots.</param>
/// <param name="StragglerRatio">Busiest slot before / busiest slot after, even split; 1 where nothing was routed.</param>
/// <param name="DeviceImbalanceEven">Max over mean device load, even split.</param>
/// <param name="DeviceImbalanceLeastLoaded">Max over mean device load, split with the smallest possible maximum.</param>
public sealed record LayerForecast(
    double LisBefore, double Lis, double LisPaper, double StragglerRatio, double DeviceImbalanceEven, double DeviceImbalanceLeastLoaded);

/// <summary>Forecasts what plans do to loads: a trace's total, a window, or any other counts of the same shape.</summary>
public static class LoadForecast
{
    // Quotas are ints: heavier layers are scaled down, which changes the optimum by less than one part in 10^6.
    private const double MaxTotal = 1 << 30;

    /// <summary>The forecast of each MoE layer of a plan.</summary>
    /// <exception cref="ArgumentException">The loads have another shape than the plan's model.</exception>
    public static LayerForecast[] Of(Plan plan, ExpertLoads loads)
    {
        if (loads.Layers != plan.Layers.Count || loads.Experts != plan.Model.Experts)
            throw new ArgumentException(
                $"loads of {loads.Layers} x {loads.Experts} for a plan of {plan.Layers.Count} x {plan.Model.Experts}", nameof(loads));
        return [.. plan.Layers.Select((layer, l) => Of(layer.Slots, plan.Devices, loads[l]))];
    }

    /// <summary>The forecast of one layer.</summary>
    /// <param name="slots">Its slots; every expert has one.</param>
    /// <param name="devices">Number of devices; one that holds no slot still counts in the mean.</param>
    /// <param name="tokens">Tokens of each logical expert, [experts].</param>
    public static LayerForecast Of(IReadOnlyList<Slot> slots, int devices, ReadOnlySpan<long> tokens)
    {
        var (slotLoads, deviceLoads) = (new double[slots.Count], new double[devices]);
        var copies = new int[tokens.Length];
        foreach (var slot in slots)
            copies[slot.Expert]++;
        for (var s = 0; s < slots.Count; s++)
        {
            slotLoads[s] = (double)tokens[slots[s].Expert] / copies[slots[s].Expert];
            deviceLoads[slots[s].Device] += slotLoads[s];
        }
        long busiest = 0;
        foreach (var count in tokens)
            busiest = Math.Max(busiest, count);
        var lis = LoadImbalance.MaxOverMean(slotLoads);
        return new LayerForecast(
            LoadImbalance.MaxOverMean(tokens),
            lis,
            busiest > 0 ? lis * tokens.Length / slots.Count : 1,
            busiest > 0 ? busiest / slotLoads.Max() : 1,
            LoadImbalance.MaxOverMean(deviceLoads),
            LeastLoadedImbalance(new SlotTable(slots, tokens.Length), devices, tokens));
    }

    /// <summary>Max over mean device load under the least-loaded split.</summary>
    internal static double LeastLoadedImbalance(SlotTable slots, int devices, ReadOnlySpan<long> tokens)
    {
        double total = 0;
        foreach (var count in tokens)
            total += count;
        var (scaled, quotas, deviceLoads) = (new int[tokens.Length], new int[slots.Slots.Count], new long[devices]);
        for (var e = 0; e < tokens.Length; e++)
            scaled[e] = total <= MaxTotal ? (int)tokens[e] : (int)(tokens[e] * (MaxTotal / total));
        new LeastLoadedSplit(ordersByGate: false).Split(scaled, slots, new long[quotas.Length], quotas);
        for (var s = 0; s < quotas.Length; s++)
            deviceLoads[slots.DeviceOf[s]] += quotas[s];
        return LoadImbalance.MaxOverMean((ReadOnlySpan<long>)deviceLoads);
    }
}
