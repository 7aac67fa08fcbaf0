using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Paper;

/// <summary>Replicas and quantized experts of one layer.</summary>
/// <param name="copies">[experts] copies of each.</param>
/// <param name="quantizable">Experts that may be quantized in place, in this order.</param>
internal sealed class PaperLayer(int[] copies, int[] quantizable)
{
    private int _quantized;

    public void Quantize(int count)
    {
        if (count > quantizable.Length)
            throw new InvalidInputException("policy paper: option quantized", $"{count}",
                $"at most {quantizable.Length}: {copies.Length} experts, of which {copies.Count(c => c > 1)} are replicated");
        _quantized = count;
    }

    /// <summary>The expert that is quantized now; null where none is left.</summary>
    public int? TryQuantizeOneMore() => _quantized == quantizable.Length ? null : quantizable[_quantized++];

    /// <summary>Bytes beyond those of one original copy each.</summary>
    public long ExtraBytes(ExpertCosts costs, int layer, Precision low)
    {
        long extra = 0;
        for (var e = 0; e < copies.Length; e++)
            extra += (copies[e] - 1) * costs.Of(layer, e, low);
        foreach (var expert in quantizable.AsSpan(0, _quantized))
            extra -= costs.Of(layer, expert, costs.Original) - costs.Of(layer, expert, low);
        return extra;
    }

    /// <summary>All copies by expert, the first one before its replicas.</summary>
    public List<ExpertCopy> ToCopies(Precision original, Precision low)
    {
        var quantized = quantizable[.._quantized];
        var list = new List<ExpertCopy>(copies.Sum());
        for (var e = 0; e < copies.Length; e++)
            for (var c = 0; c < copies[e]; c++)
                list.Add(new ExpertCopy(e, c > 0 || quantized.Contains(e) ? low : original));
        return list;
    }
}
