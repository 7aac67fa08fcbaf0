using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>What expert copies cost in bytes: alike for all experts, or by layer and expert where a checkpoint mixes formats or widths.</summary>
public sealed class ExpertCosts
{
    private readonly long[][]?[] _bytes = new long[][]?[PrecisionNames.All.Count]; // [precisions][layers][experts]; one row and one expert stand for all

    /// <summary>Costs that all experts share.</summary>
    /// <param name="original">The precision of the checkpoint's experts.</param>
    /// <param name="bytes">Stored bytes of one expert by precision; a precision that cannot be loaded is absent.</param>
    public ExpertCosts(Precision original, IReadOnlyDictionary<Precision, long> bytes)
        : this(original, bytes.ToDictionary(entry => entry.Key, entry => (long[][])[[entry.Value]]))
    {
    }

    /// <summary>Costs that differ.</summary>
    /// <param name="original">The precision of the checkpoint's experts.</param>
    /// <param name="bytes">Stored bytes by precision, [layers][experts], or [1][1] for what all experts share.</param>
    public ExpertCosts(Precision original, IReadOnlyDictionary<Precision, long[][]> bytes)
    {
        Original = original;
        foreach (var (precision, rows) in bytes)
            _bytes[(int)precision] = rows;
        Precisions = [.. bytes.Keys.Order()];
    }

    /// <summary>The precision of the checkpoint's experts.</summary>
    public Precision Original { get; }

    /// <summary>Precisions that can be stored, the best first.</summary>
    public IReadOnlyList<Precision> Precisions { get; }

    /// <summary>Whether experts can be stored in a precision.</summary>
    public bool Has(Precision precision) => _bytes[(int)precision] is not null;

    /// <summary>Bytes of one copy.</summary>
    /// <param name="layer">MoE layer, dense layers not counted.</param>
    /// <param name="expert">Logical expert.</param>
    /// <param name="precision">One of <see cref="Precisions"/>.</param>
    public long Of(int layer, int expert, Precision precision)
    {
        var rows = _bytes[(int)precision] ?? throw new KeyNotFoundException($"no bytes are known for {precision.Name()}");
        var row = rows.Length == 1 ? rows[0] : rows[layer];
        return row.Length == 1 ? row[0] : row[expert];
    }

    /// <summary>Bytes of one copy of every expert of the model.</summary>
    public long Total(ModelFingerprint model, Precision precision)
    {
        long sum = 0;
        for (var l = 0; l < model.MoeLayers.Count; l++)
            for (var e = 0; e < model.Experts; e++)
                sum = checked(sum + Of(l, e, precision));
        return sum;
    }

    /// <summary>Expert bytes of the model as it is.</summary>
    public long OriginalBytes(ModelFingerprint model) => Total(model, Original);

    /// <summary>Expert bytes of planned layers, all of the model's.</summary>
    public long BytesOf(IReadOnlyList<LayerPlan> layers)
    {
        long sum = 0;
        for (var l = 0; l < layers.Count; l++)
            foreach (var slot in layers[l].Slots)
                sum = checked(sum + Of(l, slot.Expert, slot.Precision));
        return sum;
    }

    /// <summary>Those of some precisions that take fewer bytes than the checkpoint's own, over the whole model.</summary>
    public IEnumerable<Precision> CheaperThanOriginal(ModelFingerprint model, IEnumerable<Precision> among) =>
        among.Where(precision => Has(precision) && Total(model, precision) < OriginalBytes(model));
}
