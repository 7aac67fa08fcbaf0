using MathNet.Numerics.Statistics;

namespace Counterweight.Evaluation.Statistics;

/// <summary>Whether two scores put the same things in the same order: 1 the same, −1 the reverse, near 0 unrelated.</summary>
public static class RankCorrelation
{
    /// <summary>
    /// Spearman's ρ: Pearson's correlation of the ranks, ties sharing their mean rank. As many of both, two or more; NaN where all
    /// values of one are equal. Source: Spearman, American Journal of Psychology 15(1), 1904.
    /// </summary>
    public static double Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        CheckPaired(x, y);
        return Correlation.Spearman(x.ToArray(), y.ToArray());
    }

    /// <summary>
    /// Kendall's τ-b, which corrects for ties: (concordant − discordant) / √((pairs − ties in x)·(pairs − ties in y)). As many of both,
    /// two or more; NaN where all values of one are equal. Sources: Kendall, Biometrika 33(3), 1945; Knight, Journal of the American
    /// Statistical Association 61(314), 1966, for counting by merge sort.
    /// </summary>
    public static double Kendall(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        CheckPaired(x, y);
        var pairs = new (double X, double Y)[x.Length];
        for (var i = 0; i < pairs.Length; i++)
            pairs[i] = (x[i], y[i]);
        Array.Sort(pairs);
        var tiesX = TiedPairs(Array.ConvertAll(pairs, pair => pair.X));
        var tiesBoth = TiedPairs(pairs);
        var byY = Array.ConvertAll(pairs, pair => pair.Y);
        var discordant = SortCountingInversions(byY, new double[byY.Length]);
        var tiesY = TiedPairs(byY);
        var all = PairsOf(x.Length);
        double concordantLessDiscordant = all - tiesX - tiesY + tiesBoth - 2 * discordant;
        return concordantLessDiscordant / (Math.Sqrt(all - tiesX) * Math.Sqrt(all - tiesY));
    }

    private static long TiedPairs<T>(T[] sorted) where T : IEquatable<T>
    {
        long tied = 0;
        for (int start = 0, end; start < sorted.Length; start = end)
        {
            for (end = start + 1; end < sorted.Length && sorted[end].Equals(sorted[start]);)
                end++;
            tied += PairsOf(end - start);
        }
        return tied;
    }

    private static long SortCountingInversions(Span<double> values, Span<double> scratch)
    {
        if (values.Length < 2)
            return 0;
        var half = values.Length / 2;
        var inversions = SortCountingInversions(values[..half], scratch) + SortCountingInversions(values[half..], scratch);
        for (int left = 0, right = half, at = 0; at < values.Length; at++)
        {
            if (right == values.Length || (left < half && values[left] <= values[right]))
                scratch[at] = values[left++];
            else
            {
                inversions += half - left;
                scratch[at] = values[right++];
            }
        }
        scratch[..values.Length].CopyTo(values);
        return inversions;
    }

    private static long PairsOf(long items) => items * (items - 1) / 2;

    private static void CheckPaired(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        if (x.Length != y.Length || x.Length < 2)
            throw new ArgumentException($"{x.Length} and {y.Length} values have no rank correlation", nameof(y));
        if (HasNaN(x) || HasNaN(y))
            throw new ArgumentException("NaN has no rank", nameof(y));
    }

    private static bool HasNaN(ReadOnlySpan<double> values)
    {
        foreach (var value in values)
            if (double.IsNaN(value))
                return true;
        return false;
    }
}
