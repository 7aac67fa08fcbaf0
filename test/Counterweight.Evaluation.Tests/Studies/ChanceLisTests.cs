using Counterweight.Evaluation.Studies.BatchSize;

namespace Counterweight.Evaluation.Tests.Studies;

/// <summary>Simulated chance against the sum over all outcomes.</summary>
public sealed class ChanceLisTests
{
    private const int Draws = 40_000;

    [Theory]
    [InlineData(1, 0.7, 0.3)]
    [InlineData(3, 0.7, 0.3)]
    [InlineData(4, 0.5, 0.25, 0.25)]
    [InlineData(5, 0.0, 0.9, 0.1)]
    public void Multinomial_means_and_deviations_are_those_of_all_outcomes(int choices, params double[] shares)
    {
        var (mean, deviation) = Enumerate(choices, shares);
        var simulated = ChanceLis.Multinomial([choices], shares, Draws, new Random(3));
        var tolerance = 5 * deviation / Math.Sqrt(Draws) + 1e-12;
        Assert.InRange(simulated.Mean, mean - tolerance, mean + tolerance);
        Assert.InRange(simulated.Deviation, deviation * 0.97 - 1e-9, deviation * 1.03 + 1e-9);
    }

    [Fact]
    public void Tokens_that_are_drawn_apart_are_a_multinomial_over_tokens()
    {
        // Of three tokens two go to expert 0 and one to expert 2.
        var (mean, deviation) = Enumerate(4, [2 / 3.0, 0, 1 / 3.0]);
        var simulated = ChanceLis.IndependentTokens([4], [0, 0, 2], topK: 1, experts: 3, Draws, new Random(3));
        var tolerance = 5 * deviation / Math.Sqrt(Draws);
        Assert.InRange(simulated.Mean, mean - tolerance, mean + tolerance);
    }

    [Fact]
    public void A_token_keeps_its_own_experts_together()
    {
        // One token: k different experts, so LIS is m / k, which a multinomial would exceed.
        var simulated = ChanceLis.IndependentTokens([1], [0, 1, 2, 3], topK: 2, experts: 4, 100, new Random(1));
        Assert.Equal(2, simulated.Mean, 12);
        Assert.Equal(0, simulated.Deviation, 12);
    }

    [Fact]
    public void Chance_falls_with_the_size_of_the_batch()
    {
        double[] equal = [.. Enumerable.Repeat(1 / 16.0, 16)];
        double[] means = [.. new[] { 16, 64, 256, 1024 }.Select(choices => ChanceLis.Multinomial([choices], equal, 500, new Random(1)).Mean)];
        Assert.Equal(means.OrderDescending(), means);
        Assert.True(means[^1] > 1);
    }

    private static (double Mean, double Deviation) Enumerate(int choices, double[] shares)
    {
        var outcomes = new List<(double Probability, double Lis)>();
        void Visit(int left, double probability, int[] counts)
        {
            if (left == 0)
            {
                outcomes.Add((probability, (double)counts.Max() * counts.Length / counts.Sum()));
                return;
            }
            for (var e = 0; e < shares.Length; e++)
                Visit(left - 1, probability * shares[e], [.. counts.Select((count, i) => i == e ? count + 1 : count)]);
        }
        Visit(choices, 1, new int[shares.Length]);
        var mean = outcomes.Sum(outcome => outcome.Probability * outcome.Lis);
        return (mean, Math.Sqrt(outcomes.Sum(outcome => outcome.Probability * Math.Pow(outcome.Lis - mean, 2))));
    }
}
