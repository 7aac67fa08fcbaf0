using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Studies.Importance;

/// <summary>Rank correlations of load and importance with bootstrap intervals over experts.</summary>
internal readonly record struct LoadCorrelation(double Spearman, double SpearmanLow, double SpearmanHigh, double Kendall, double KendallLow, double KendallHigh)
{
    /// <summary>Mean over the given layers; a resample takes the same experts in each of them.</summary>
    public static LoadCorrelation Of(double[][] loads, double[][] importance, uint seed, int resamples)
    {
        var experts = loads[0].Length;
        int[] every = [.. Enumerable.Range(0, experts)];
        double Spearman(ReadOnlyMemory<int> drawn) => Mean(loads, importance, drawn.Span, RankCorrelation.Spearman);
        double Kendall(ReadOnlyMemory<int> drawn) => Mean(loads, importance, drawn.Span, RankCorrelation.Kendall);
        var (spearmanLow, spearmanHigh) = Bootstrap.Interval(experts, Spearman, seed, resamples: resamples);
        var (kendallLow, kendallHigh) = Bootstrap.Interval(experts, Kendall, seed, resamples: resamples);
        return new LoadCorrelation(Spearman(every), spearmanLow, spearmanHigh, Kendall(every), kendallLow, kendallHigh);
    }

    private delegate double Rank(ReadOnlySpan<double> x, ReadOnlySpan<double> y);

    // A layer whose drawn values are all equal has no order and counts as uncorrelated.
    private static double Mean(double[][] loads, double[][] importance, ReadOnlySpan<int> drawn, Rank rank)
    {
        var (x, y) = (new double[drawn.Length], new double[drawn.Length]);
        double sum = 0;
        for (var layer = 0; layer < loads.Length; layer++)
        {
            for (var i = 0; i < drawn.Length; i++)
                (x[i], y[i]) = (loads[layer][drawn[i]], importance[layer][drawn[i]]);
            var score = rank(x, y);
            sum += double.IsNaN(score) ? 0 : score;
        }
        return sum / loads.Length;
    }
}
