using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>The least-loaded split of one layer for whole tokens, as the engine of this project dispatches a batch.</summary>
internal sealed class WholeTokenSplit
{
    // Quotas are ints: heavier layers are scaled down.
    private const double MaxTotal = 1 << 30;

    private readonly SlotTable _table;
    private readonly ISplitPolicy _split = SplitPolicies.Create("least-loaded");
    private readonly int[] _scaled, _quotas;
    private readonly long[] _none, _devices;

    public WholeTokenSplit(EnginePlan plan, int layer)
    {
        var width = plan.SlotsPerDevice(layer);
        _table = new SlotTable([.. plan.SlotExperts[layer].Select((expert, s) => new Slot(expert, Precision.Bf16, s / width))],
            plan.Experts);
        (_scaled, _quotas) = (new int[plan.Experts], new int[plan.SlotExperts[layer].Length]);
        (_none, _devices) = (new long[_quotas.Length], new long[plan.Devices]);
    }

    /// <summary>Max over mean device load.</summary>
    public double Imbalance(ReadOnlySpan<long> tokens)
    {
        double total = 0;
        foreach (var count in tokens)
            total += count;
        for (var e = 0; e < _scaled.Length; e++)
            _scaled[e] = (int)(total <= MaxTotal ? tokens[e] : tokens[e] * (MaxTotal / total));
        _split.Split(_scaled, _table, _none, _quotas);
        Array.Clear(_devices);
        for (var s = 0; s < _quotas.Length; s++)
            _devices[_table.DeviceOf[s]] += _quotas[s];
        return LoadImbalance.MaxOverMean(_devices);
    }
}
