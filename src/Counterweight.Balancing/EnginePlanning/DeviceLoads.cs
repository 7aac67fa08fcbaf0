using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Loads of devices under a plan, when every copy of an expert gets an equal share.</summary>
public static class DeviceLoads
{
    /// <summary>Tokens of each device in one layer, [devices].</summary>
    /// <param name="slotExperts">The logical expert in each slot; devices own equal contiguous runs.</param>
    /// <param name="tokens">Tokens of each logical expert, [experts].</param>
    /// <param name="devices">Number of devices.</param>
    public static double[] Even(ReadOnlySpan<int> slotExperts, ReadOnlySpan<long> tokens, int devices)
    {
        var loads = new double[devices];
        var slots = SlotLoads(slotExperts, tokens);
        for (var s = 0; s < slots.Length; s++)
            loads[s / (slots.Length / devices)] += slots[s];
        return loads;
    }

    /// <summary>Tokens of each slot in one layer, [slots].</summary>
    /// <param name="slotExperts">The logical expert in each slot.</param>
    /// <param name="tokens">Tokens of each logical expert, [experts].</param>
    public static double[] SlotLoads(ReadOnlySpan<int> slotExperts, ReadOnlySpan<long> tokens)
    {
        var copies = new int[tokens.Length];
        foreach (var expert in slotExperts)
            copies[expert]++;
        var loads = new double[slotExperts.Length];
        for (var s = 0; s < loads.Length; s++)
            loads[s] = (double)tokens[slotExperts[s]] / copies[slotExperts[s]];
        return loads;
    }

    /// <summary>Max over mean device load of each layer under the even split, [layers].</summary>
    public static double[] EvenImbalance(EnginePlan plan, ExpertLoads loads) =>
        PerLayer(plan, loads, l => LoadImbalance.MaxOverMean(Even(plan.SlotExperts[l], loads[l], plan.Devices)));

    /// <summary>Max over mean device load of each layer under the best possible split, [layers].</summary>
    public static double[] OptimalImbalance(EnginePlan plan, ExpertLoads loads) =>
        PerLayer(plan, loads, l => new OptimalSplit(plan.SlotExperts[l], plan.Experts, plan.Devices).Imbalance(loads[l]));

    internal static void CheckShape(EnginePlan plan, ExpertLoads loads, string name)
    {
        if (loads.Layers != plan.SlotExperts.Length || loads.Experts != plan.Experts)
            throw new InvalidInputException(name, $"{loads.Layers} layers of {loads.Experts} experts",
                $"{plan.SlotExperts.Length} MoE layers of {plan.Experts} experts, as in the plan");
    }

    private static double[] PerLayer(EnginePlan plan, ExpertLoads loads, Func<int, double> imbalance)
    {
        CheckShape(plan, loads, "loads");
        var layers = new double[loads.Layers];
        Parallel.For(0, layers.Length, l => layers[l] = imbalance(l));
        return layers;
    }
}
