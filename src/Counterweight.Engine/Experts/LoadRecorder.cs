using Counterweight.Balancing.Loads;

namespace Counterweight.Engine.Experts;

/// <summary>Counts the tokens of logical experts and of slots while a model runs; prefill and decode apart. Padding never reaches it.</summary>
public sealed class LoadRecorder
{
    private readonly long[][] _slots; // [MoE layers][slots]

    /// <summary>A recorder for the banks of a model.</summary>
    public LoadRecorder(IReadOnlyList<ExpertBank> banks)
    {
        Prefill = new ExpertLoads(banks.Count, banks[0].Slots.Experts);
        Decode = new ExpertLoads(banks.Count, banks[0].Slots.Experts);
        _slots = [.. banks.Select(bank => new long[bank.Slots.Slots.Count])];
    }

    /// <summary>Loads of passes that were not decoding steps.</summary>
    public ExpertLoads Prefill { get; }

    /// <summary>Loads of passes with one token for each sequence.</summary>
    public ExpertLoads Decode { get; }

    /// <summary>Tokens of each slot of MoE layer <paramref name="layer"/>, both phases.</summary>
    public ReadOnlySpan<long> Slots(int layer) => _slots[layer];

    /// <summary>Both phases together, as a copy.</summary>
    public ExpertLoads Total() => ExpertLoads.Sum([Prefill, Decode]);

    internal void Record(int layer, bool decode, ReadOnlySpan<int> experts, ReadOnlySpan<int> slots)
    {
        var loads = (decode ? Decode : Prefill)[layer];
        for (var e = 0; e < experts.Length; e++)
            loads[e] += experts[e];
        for (var s = 0; s < slots.Length; s++)
            _slots[layer][s] += slots[s];
    }
}
