using Counterweight.Evaluation.Routing;
using MathNet.Numerics.Distributions;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>A cell to measure.</summary>
internal sealed record CellRequest(BatchKind Kind, string Domain, IReadOnlyList<int> Sequences, int Layer, int Size);

/// <summary>What chance gives the mean over batches, with its 95 % interval.</summary>
internal readonly record struct Chance(double Mean, double Low, double High)
{
    public static Chance Of(LisDistribution single, int batches, int draws)
    {
        var reach = 1.959964 * single.Deviation * Math.Sqrt(1.0 / batches + 1.0 / draws);
        return new Chance(single.Mean, single.Mean - reach, single.Mean + reach);
    }
}

/// <summary>The LIS of batches of one size in one layer, and what chance would have made of it.</summary>
/// <param name="Kind">How batches are put together.</param>
/// <param name="Domain">The text.</param>
/// <param name="Layer">MoE layer, dense layers not counted.</param>
/// <param name="Size">Batch size in the kind's unit.</param>
/// <param name="Batches">Batches measured.</param>
/// <param name="Tokens">Mean tokens of a batch, padding included where it is counted.</param>
/// <param name="Lis">Mean over batches.</param>
/// <param name="StandardError">Of the mean.</param>
/// <param name="IndependentTokens">Chance: measured tokens drawn apart.</param>
/// <param name="MeanLoads">Chance: multinomial with the measured mean loads.</param>
/// <param name="Uniform">Chance: multinomial with equal loads.</param>
/// <param name="PValue">Two-sided probability of a mean so far from <paramref name="IndependentTokens"/> by chance.</param>
internal sealed record BatchCell(
    BatchKind Kind, string Domain, int Layer, int Size, int Batches, double Tokens, double Lis, double StandardError,
    Chance IndependentTokens, Chance MeanLoads, Chance Uniform, double PValue);

/// <summary>Measures cells; may be called by several threads.</summary>
internal sealed class BatchMeasurement(StudyContext context, BatchMaker maker, RoutedSequences prefill, RoutedSequences decode)
{
    private const int FewestDraws = 16;

    private readonly int _mostDraws = context.Quick ? 48 : 200;
    private readonly int _choicesDrawn = context.Quick ? 400_000 : 4_000_000;
    private readonly int _mostBatches = context.Quick ? 128 : 512;

    /// <summary>Null where the domain has too few sequences for a batch of this size.</summary>
    public BatchCell? Of(CellRequest cell)
    {
        var routed = cell.Kind.Phase == "decode" ? decode : prefill;
        // Who shares a batch is the same for all layers, as in serving.
        var order = context.RandomFor($"batches {cell.Kind.Name} {cell.Domain} {cell.Size}");
        var batches = maker.Make(cell.Kind, cell.Sequences, cell.Size, order).Take(_mostBatches).ToArray();
        if (batches.Length == 0)
            return null;
        var counts = new long[routed.Experts];
        var lis = LisDistribution.Of(Array.ConvertAll(batches, batch => BatchMaker.Lis(routed, cell.Layer, batch, counts)));
        var tokens = Array.ConvertAll(batches, batch => batch.Sum(run => run.Tokens));
        var (pool, shares) = Pool(routed, cell);
        var random = context.RandomFor($"chance {cell.Kind.Name} {cell.Domain} {cell.Layer} {cell.Size}");
        var choices = Array.ConvertAll(tokens, count => count * routed.TopK);
        // The LIS of a large batch hardly varies, so few draws do.
        var draws = (int)Math.Clamp(_choicesDrawn / choices.Average(), FewestDraws, _mostDraws);
        var independent = ChanceLis.IndependentTokens(tokens, pool, routed.TopK, routed.Experts, draws, random);
        return new BatchCell(cell.Kind, cell.Domain, cell.Layer, cell.Size, batches.Length, tokens.Average(), lis.Mean, lis.Deviation / Math.Sqrt(batches.Length),
            Chance.Of(independent, batches.Length, draws),
            Chance.Of(ChanceLis.Multinomial(choices, shares, draws, random), batches.Length, draws),
            Chance.Of(ChanceLis.Multinomial(choices, [.. Enumerable.Repeat(1.0 / routed.Experts, routed.Experts)], draws, random), batches.Length, draws),
            PValue(lis.Mean, independent, batches.Length, draws));
    }

    private static double PValue(double lis, LisDistribution chance, int batches, int draws)
    {
        var deviation = chance.Deviation * Math.Sqrt(1.0 / batches + 1.0 / draws);
        return deviation > 0 ? 2 * Normal.CDF(0, 1, -Math.Abs(lis - chance.Mean) / deviation) : lis == chance.Mean ? 1 : 0;
    }

    // The real tokens of the domain: chance knows no padding.
    private (int[] Pool, double[] Shares) Pool(RoutedSequences routed, CellRequest cell)
    {
        var pool = new List<int>();
        foreach (var run in maker.All(cell.Kind, cell.Sequences))
            pool.AddRange(routed.Of(cell.Layer, run.Sequence, run.First, run.Tokens));
        var shares = new double[routed.Experts];
        foreach (var expert in pool)
            shares[expert] += 1.0 / pool.Count;
        return ([.. pool], shares);
    }
}
