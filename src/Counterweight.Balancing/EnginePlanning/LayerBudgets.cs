using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Spends a number of redundant experts over all layers where each helps most; layers get different numbers of slots.</summary>
public static class LayerBudgets
{
    /// <summary>The slots of each layer, [layers].</summary>
    /// <param name="traces">The loads of each trace.</param>
    /// <param name="options">How to search; its slots are ignored, and a time limit is shared by all numbers of slots that are
    /// tried.</param>
    /// <param name="redundantExperts">Redundant experts of all layers together.</param>
    /// <param name="mostPerDevice">Most slots beyond the fewest that a device may have in a layer, 1 to 16. Default 3.</param>
    public static int[] Spend(IReadOnlyList<ExpertLoads> traces, RobustOptions options, long redundantExperts, int mostPerDevice = 3)
    {
        var (layers, experts, devices) = (traces[0].Layers, traces[0].Experts, options.Devices);
        if (mostPerDevice is < 1 or > 16)
            throw new InvalidInputException("slots per device", $"{mostPerDevice}", "1 to 16");
        var fewest = (experts + devices - 1) / devices * devices;
        var most = (int)Math.Min(mostPerDevice, (long)experts - fewest / devices);
        if (redundantExperts < (long)(fewest - experts) * layers)
            throw new InvalidInputException("redundant experts", $"{redundantExperts}",
                $"at least {(long)(fewest - experts) * layers}, so that slots divide by the {devices} devices");
        var imbalance = Curves(traces, options, fewest, most);
        var extra = new int[layers];
        for (var left = redundantExperts - (long)(fewest - experts) * layers; left >= devices;)
        {
            var (layer, steps) = BestStep(imbalance, extra, (int)Math.Min(left / devices, most));
            if (layer < 0)
                break;
            extra[layer] += steps;
            left -= (long)steps * devices;
        }
        return [.. extra.Select(steps => fewest + steps * devices)];
    }

    // The layer whose imbalance falls most for each slot, a few steps looked ahead: one more slot may help only with the next.
    private static (int Layer, int Steps) BestStep(double[][] imbalance, int[] extra, int affordable)
    {
        var (best, layer, steps) = (1e-9, -1, 0);
        for (var l = 0; l < extra.Length; l++)
            for (var n = 1; n <= affordable && extra[l] + n < imbalance.Length; n++)
                if ((imbalance[extra[l]][l] - imbalance[extra[l] + n][l]) / n is var gain && gain > best)
                    (best, layer, steps) = (gain, l, n);
        return (layer, steps);
    }

    private static double[][] Curves(IReadOnlyList<ExpertLoads> traces, RobustOptions options, int fewest, int most)
    {
        var curves = new double[most + 1][];
        for (var n = 0; n <= most; n++)
        {
            var slots = RobustPlanner.Plan(traces, options with
            {
                Slots = [fewest + n * options.Devices],
                Previous = null,
                TimeLimit = options.TimeLimit / (most + 1),
            });
            var plan = new EnginePlan(traces[0].Experts, options.Devices, [.. Enumerable.Range(0, traces[0].Layers)], slots);
            var perTrace = traces.Select(trace => DeviceLoads.EvenImbalance(plan, trace)).ToArray();
            curves[n] = [.. Enumerable.Range(0, traces[0].Layers).Select(l => perTrace.Average(layers => layers[l]))];
        }
        return curves;
    }
}
