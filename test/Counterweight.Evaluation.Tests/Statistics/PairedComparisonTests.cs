using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Statistics;
using CsCheck;

namespace Counterweight.Evaluation.Tests.Statistics;

public sealed class PairedComparisonTests
{
    [Fact]
    public void Sleep_data_of_Student_gives_his_result()
    {
        // Student, "The probable error of a mean", Biometrika 6(1), 1908: t = 4.0621 with 9 degrees of freedom.
        double[] first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        double[] second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        var comparison = PairedComparison.Of(first, second);
        Assert.Equal((0.75, 2.33), (Math.Round(comparison.Before, 9), Math.Round(comparison.After, 9)));
        Assert.Equal(1.58, comparison.Difference.Value, 1e-12);
        Assert.Equal(4.0621, comparison.Difference.Value / comparison.Difference.StandardError, 1e-4);
        Assert.Equal(0.00283289, comparison.Difference.PValue, 1e-8);
        Assert.Equal(0.7001142, comparison.Difference.Low, 1e-6);
        Assert.Equal(2.4598858, comparison.Difference.High, 1e-6);
    }

    [Fact]
    public void Equal_runs_have_no_difference()
    {
        var comparison = PairedComparison.Of([1, 0, 1], [1, 0, 1]);
        Assert.Equal(new StudentInterval(0, 0, 0, 0, 1), comparison.Difference);
        Assert.Equal(1, McNemarTest.Of([1, 0, 1], [1, 0, 1]).PValue);
    }

    [Fact]
    public void Single_sample_has_no_standard_error()
    {
        var difference = PairedComparison.Of([0.25], [0.75]).Difference;
        Assert.Equal(0.5, difference.Value);
        Assert.True(double.IsNaN(difference.StandardError));
        Assert.Equal(1, difference.PValue);
    }

    [Fact]
    public void Exchange_turns_the_difference_around() =>
        Gen.Select(Gen.Double[-5, 5], Gen.Double[-5, 5]).Array[2, 30].Sample(pairs =>
        {
            var (before, after) = (Array.ConvertAll(pairs, pair => pair.Item1), Array.ConvertAll(pairs, pair => pair.Item2));
            var there = PairedComparison.Of(before, after).Difference;
            var back = PairedComparison.Of(after, before).Difference;
            Assert.Equal(-there.Value, back.Value, 1e-12);
            Assert.Equal(-there.High, back.Low, 1e-9);
            Assert.Equal(there.PValue, back.PValue, 1e-9);
            Assert.InRange(there.Value, there.Low, there.High);
            Assert.Equal(there.PValue < 0.05, there.Low > 0 || there.High < 0);
        });

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(0, 5, 0.0625)]
    [InlineData(1, 8, 0.0390625)] // 2 · (1 + 9) / 512
    [InlineData(10, 2, 0.03857421875)] // 2 · (1 + 12 + 66) / 4096
    [InlineData(2, 3, 1)]
    public void McNemar_is_the_exact_binomial(int lost, int gained, double expected) =>
        Assert.Equal(expected, new McNemarTest(lost, gained).PValue, 1e-12);

    [Fact]
    public void McNemar_counts_only_what_changed() =>
        Assert.Equal(new McNemarTest(Lost: 1, Gained: 2), McNemarTest.Of([1, 1, 0, 0, 0, 1], [1, 0, 0, 1, 1, 1]));

    [Fact]
    public void McNemar_refuses_anything_but_right_and_wrong() => Assert.Throws<ArgumentException>(() => McNemarTest.Of([0.5], [1]));

    [Fact]
    public void Perplexities_are_compared_by_document()
    {
        TextNats[] before = [new(10, 30, 20), new(30, 90, 90), new(20, 70, 50)];
        TextNats[] after = [new(10, 30, 21), new(30, 90, 92), new(20, 70, 50.5)];
        var comparison = PerplexityComparison.Of(before, after);
        Assert.Equal(Math.Exp(160 / 60.0), comparison.Before, 1e-9);
        Assert.Equal(Math.Exp(3.5 / 60), comparison.Ratio, 1e-12);
        // d − r·t with r = 3.5 / 60: 0.41667, 0.25, −0.66667; squares sum to 0.68056; √(3/2 · 0.68056) / 60
        Assert.Equal(Math.Sqrt(1.5 * 0.680555555556) / 60, comparison.NatsPerToken.StandardError, 1e-9);
        Assert.InRange(comparison.Ratio, comparison.RatioInterval.Low, comparison.RatioInterval.High);
    }

    [Fact]
    public void Perplexity_that_changes_equally_per_token_has_no_error()
    {
        TextNats[] before = [new(10, 30, 20), new(30, 90, 90)];
        TextNats[] after = Array.ConvertAll(before, document => document with { Nats = document.Nats + 0.5 * document.Tokens });
        var comparison = PerplexityComparison.Of(before, after);
        Assert.Equal(Math.Exp(0.5), comparison.Ratio, 1e-12);
        Assert.Equal(0, comparison.NatsPerToken.StandardError, 1e-12);
    }

    [Fact]
    public void Different_texts_are_not_compared()
    {
        Assert.Throws<InvalidInputException>(() => PerplexityComparison.Of([new TextNats(1, 2, 3)], [new TextNats(1, 3, 3)]));
        Assert.Throws<InvalidInputException>(() => PerplexityComparison.Of(
            new PerplexityResult([new FilePerplexity("a", [new TextNats(1, 2, 3)])]),
            new PerplexityResult([new FilePerplexity("b", [new TextNats(1, 2, 3)])])));
    }
}
