using Counterweight.Evaluation.Statistics;
using CsCheck;

namespace Counterweight.Evaluation.Tests.Statistics;

public sealed class RankCorrelationTests
{
    // Few different values, so that ties are common.
    private static readonly Gen<(double[] X, double[] Y)> Paired =
        Gen.Int[2, 40].SelectMany(count => Gen.Select(Gen.Int[0, 8].Array[count], Gen.Int[0, 8].Array[count]))
            .Select(pair => (Array.ConvertAll(pair.Item1, value => value / 4.0), Array.ConvertAll(pair.Item2, value => value / 4.0)))
            .Where(pair => pair.Item1.Distinct().Count() > 1 && pair.Item2.Distinct().Count() > 1);

    [Fact]
    public void Known_values_without_and_with_ties()
    {
        Assert.Equal(0.8, RankCorrelation.Spearman([1, 2, 3, 4], [1, 3, 2, 4]), 1e-12);
        Assert.Equal(2 / 3.0, RankCorrelation.Kendall([1, 2, 3, 4], [1, 3, 2, 4]), 1e-12);
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4; 5 of 6 pairs concordant, one tied in x.
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), RankCorrelation.Spearman([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12);
        Assert.Equal(5 / Math.Sqrt(5 * 6), RankCorrelation.Kendall([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12);
    }

    [Fact]
    public void Kendall_is_what_counting_all_pairs_gives() =>
        Paired.Sample(pair => Assert.Equal(KendallByAllPairs(pair.X, pair.Y), RankCorrelation.Kendall(pair.X, pair.Y), 1e-12));

    [Fact]
    public void Spearman_is_Pearson_of_mean_ranks() =>
        Paired.Sample(pair => Assert.Equal(Pearson(MeanRanks(pair.X), MeanRanks(pair.Y)), RankCorrelation.Spearman(pair.X, pair.Y), 1e-9));

    [Fact]
    public void Order_is_all_that_counts() =>
        Paired.Sample(pair =>
        {
            var stretched = Array.ConvertAll(pair.X, Math.Exp);
            var reversed = Array.ConvertAll(pair.X, value => -value);
            Assert.Equal(RankCorrelation.Kendall(pair.X, pair.Y), RankCorrelation.Kendall(stretched, pair.Y), 1e-12);
            Assert.Equal(RankCorrelation.Spearman(pair.X, pair.Y), RankCorrelation.Spearman(stretched, pair.Y), 1e-12);
            Assert.Equal(RankCorrelation.Kendall(pair.X, pair.Y), -RankCorrelation.Kendall(reversed, pair.Y), 1e-12);
            Assert.Equal(1, RankCorrelation.Kendall(pair.X, pair.X), 1e-12);
            Assert.Equal(1, RankCorrelation.Spearman(pair.X, pair.X), 1e-9);
        });

    [Fact]
    public void Equal_values_have_no_correlation()
    {
        Assert.True(double.IsNaN(RankCorrelation.Kendall([1, 1, 1], [1, 2, 3])));
        Assert.True(double.IsNaN(RankCorrelation.Spearman([1, 1, 1], [1, 2, 3])));
    }

    [Fact]
    public void Unpaired_values_and_NaN_are_refused()
    {
        Assert.Throws<ArgumentException>(() => RankCorrelation.Kendall([1, 2], [1]));
        Assert.Throws<ArgumentException>(() => RankCorrelation.Spearman([1], [1]));
        Assert.Throws<ArgumentException>(() => RankCorrelation.Spearman([1, double.NaN], [1, 2]));
    }

    private static double KendallByAllPairs(double[] x, double[] y)
    {
        double score = 0, untiedX = 0, untiedY = 0;
        for (var i = 0; i < x.Length; i++)
            for (var j = 0; j < i; j++)
            {
                score += Math.Sign(x[i] - x[j]) * Math.Sign(y[i] - y[j]);
                untiedX += Math.Abs(Math.Sign(x[i] - x[j]));
                untiedY += Math.Abs(Math.Sign(y[i] - y[j]));
            }
        return score / Math.Sqrt(untiedX * untiedY);
    }

    private static double[] MeanRanks(double[] values) =>
        Array.ConvertAll(values, value => values.Count(other => other < value) + (values.Count(other => other == value) + 1) / 2.0);

    private static double Pearson(double[] x, double[] y)
    {
        var (meanX, meanY) = (x.Average(), y.Average());
        var covariance = x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum();
        return covariance / Math.Sqrt(x.Sum(a => (a - meanX) * (a - meanX)) * y.Sum(b => (b - meanY) * (b - meanY)));
    }
}
