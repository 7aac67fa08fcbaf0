using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Evaluation.Balance;

/// <summary>Device imbalance of recorded traffic: each window is split over the slots as serving would, devices add up over windows.</summary>
internal static class Traffic
{
    private static readonly int[] DeviceCounts = [2, 4, 8, 16];

    /// <summary>The device counts that a model can be spread over, with the devices of every slot for each.</summary>
    /// <param name="layers">The slots.</param>
    /// <param name="plan">The plan that they are of; null: experts as the checkpoint has them, dealt out in order.</param>
    /// <param name="calibration">Traffic that slots are placed by; evaluation traffic is never looked at.</param>
    public static IReadOnlyDictionary<int, SlotTable[]> Placements(IReadOnlyList<LayerPlan> layers, Plan? plan, IReadOnlyList<LoadTrace> calibration)
    {
        var experts = layers[0].Slots.Max(slot => slot.Expert) + 1;
        return DeviceCounts.Where(devices => devices <= experts).ToDictionary(devices => devices, devices => layers
            .Select((layer, l) => new SlotTable(plan is null ? InOrder(layer, devices) : plan.Devices == devices ? layer.Slots : Placed(layer, l, devices, calibration), experts))
            .ToArray());
    }

    /// <summary>By device count, then by split.</summary>
    public static IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> DeviceImbalance(
        IReadOnlyDictionary<int, SlotTable[]> placements, IReadOnlyList<ExpertLoads> windows) =>
        placements.ToDictionary(entry => entry.Key, entry => (IReadOnlyDictionary<string, Imbalance>)new Dictionary<string, Imbalance>
        {
            [SplitNames.Even] = Over(entry.Value, windows, entry.Key, "even"),
            [SplitNames.LeastLoaded] = Over(entry.Value, windows, entry.Key, "least-loaded"),
        });

    private static Imbalance Over(SlotTable[] layers, IReadOnlyList<ExpertLoads> windows, int devices, string split)
    {
        var scores = new double[layers.Length];
        Parallel.For(0, layers.Length, l => scores[l] = LoadImbalance.MaxOverMean(DeviceLoads(layers[l], windows, l, devices, split)));
        return new Imbalance(scores.Average(), scores.Max());
    }

    private static long[] DeviceLoads(SlotTable slots, IReadOnlyList<ExpertLoads> windows, int layer, int devices, string split)
    {
        var policy = SplitPolicies.Create(split);
        var (totals, quotas) = (new long[slots.Slots.Count], new int[slots.Slots.Count]);
        foreach (var window in windows)
        {
            policy.Split(Array.ConvertAll(window[layer].ToArray(), count => (int)count), slots, totals, quotas);
            for (var s = 0; s < quotas.Length; s++)
                totals[s] += quotas[s];
        }
        var loads = new long[devices];
        for (var s = 0; s < totals.Length; s++)
            loads[slots.Slots[s].Device] += totals[s];
        return loads;
    }

    private static Slot[] InOrder(LayerPlan layer, int devices) =>
        [.. layer.Slots.Select((slot, s) => slot with { Device = (int)((long)s * devices / layer.Slots.Count) })];

    private static Slot[] Placed(LayerPlan layer, int index, int devices, IReadOnlyList<LoadTrace> calibration)
    {
        double[] Loads(ExpertLoads loads) => [.. loads[index].ToArray().Select(count => (double)count)];
        var mixture = Loads(ExpertLoads.Sum([.. calibration.Select(trace => trace.Total)]));
        PlacementGoal[] goals =
        [
            new(mixture, SplitModel.Even),
            new(mixture, SplitModel.LeastLoaded),
            .. calibration.Select(trace => new PlacementGoal(Loads(trace.Total), SplitModel.LeastLoaded, 1.0 / calibration.Count)),
        ];
        var placed = DevicePlacement.Place([.. layer.Slots.Select(slot => slot.Expert)], devices, goals);
        return [.. layer.Slots.Select((slot, s) => slot with { Device = placed[s] })];
    }
}
