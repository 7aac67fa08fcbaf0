using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Streaming;

namespace Counterweight.Balancing.Tests.Streaming;

public sealed class ExpectedLoadsTests
{
    private const int Layers = 4, Experts = 24;

    /// <summary>Uneven shares of every layer, [layers, experts].</summary>
    private static double[] Shares(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Layers).SelectMany(_ =>
        {
            var weights = Enumerable.Range(0, Experts).Select(_ => Math.Exp(2 * random.NextDouble())).ToArray();
            return weights.Select(weight => weight / weights.Sum());
        })];
    }

    private static ExpertLoads Draw(double[] shares, int tokens, Random random)
    {
        var loads = new ExpertLoads(Layers, Experts);
        for (var l = 0; l < Layers; l++)
            for (var t = 0; t < tokens; t++)
            {
                var (e, left) = (0, random.NextDouble());
                while (e < Experts - 1 && (left -= shares[l * Experts + e]) >= 0)
                    e++;
                loads[l][e]++;
            }
        return loads;
    }

    private static LoadEstimate Estimate(ExpertLoads window)
    {
        var estimate = new LoadEstimate(Layers, Experts, 0);
        estimate.Observe(window);
        return estimate;
    }

    private static LoadTrace Trace(string name, ExpertLoads loads) => new(name, [loads]);

    private static double Error(double[] truth, Func<int, double[]> shares) => Enumerable.Range(0, Layers)
        .Sum(l => shares(l).Select((share, e) => Math.Pow(share - truth[l * Experts + e], 2)).Sum());

    private static double[] Normalised(ReadOnlySpan<double> tokens)
    {
        var sum = 0.0;
        foreach (var count in tokens)
            sum += count;
        return [.. tokens.ToArray().Select(count => count / sum)];
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.7)]
    [InlineData(0.25)]
    public void A_mixture_of_known_kinds_is_found_from_a_few_hundred_tokens(double part)
    {
        var (a, b) = (Shares(1), Shares(2));
        var kinds = new TrafficKinds(Layers, Experts, [Trace("a", Draw(a, 100_000, new Random(1))), Trace("b", Draw(b, 100_000, new Random(2))), Trace("c", Draw(Shares(3), 100_000, new Random(3)))]);
        double[] truth = [.. a.Zip(b, (x, y) => part * x + (1 - part) * y)];
        var explained = kinds.Explain(Estimate(Draw(truth, 300, new Random(4))));
        Assert.True(Error(truth, l => explained[(l * Experts)..((l + 1) * Experts)]) < 0.05 * Error(truth, _ => [.. Enumerable.Repeat(1.0 / Experts, Experts)]));
    }

    [Fact]
    public void Traffic_that_ended_is_recognised_when_it_comes_again()
    {
        var kinds = new TrafficKinds(Layers, Experts, []);
        var shares = Shares(5);
        var window = Estimate(Draw(shares, 200, new Random(6)));
        var before = kinds.Explain(window);
        kinds.Learn([.. shares.Select(share => share * 50_000)]);
        var after = kinds.Explain(window);
        Assert.True(Error(shares, l => after[(l * Experts)..((l + 1) * Experts)]) < 0.1 * Error(shares, l => before[(l * Experts)..((l + 1) * Experts)]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Expected_loads_are_nearer_the_truth_than_the_window(bool isKnown)
    {
        var (window, shrunk) = (0.0, 0.0);
        for (var run = 0; run < 20; run++)
        {
            var random = new Random(100 + run);
            var truth = Shares(run);
            var kinds = new TrafficKinds(Layers, Experts, isKnown ? [Trace("known", Draw(truth, 50_000, random))] : []);
            var estimate = Estimate(Draw(truth, 150, random));
            var expected = new ShrunkLoads(estimate, kinds.Explain(estimate), Layers, Experts, dispersion: 1);
            window += Error(truth, l => Normalised(estimate[l]));
            shrunk += Error(truth, l => expected[l].ToArray());
            Assert.True(expected.EffectiveTokens(0) > estimate.EffectiveTokens(0));
        }
        Assert.True(shrunk < (isKnown ? 0.1 : 0.9) * window, $"{shrunk} of {window}");
    }

    [Fact]
    public void With_many_tokens_the_window_alone_counts()
    {
        var truth = Shares(8);
        var kinds = new TrafficKinds(Layers, Experts, [Trace("other", Draw(Shares(9), 10_000, new Random(1)))]);
        var estimate = Estimate(Draw(truth, 1_000_000, new Random(2)));
        var expected = new ShrunkLoads(estimate, kinds.Explain(estimate), Layers, Experts, dispersion: 1);
        for (var l = 0; l < Layers; l++)
            Assert.All(expected[l].ToArray().Zip(Normalised(estimate[l])), pair => Assert.Equal(pair.Second, pair.First, 1e-3 * pair.Second));
    }

    [Fact]
    public void A_layer_without_tokens_says_nothing_and_a_window_without_any_does_not_fail()
    {
        var window = Draw(Shares(1), 100, new Random(1));
        window[2].Clear();
        foreach (var estimate in new[] { Estimate(window), Estimate(new ExpertLoads(Layers, Experts)) })
        {
            var expected = new ShrunkLoads(estimate, new TrafficKinds(Layers, Experts, []).Explain(estimate), Layers, Experts, dispersion: 2);
            Assert.Equal(0, expected.EffectiveTokens(2));
            Assert.All(expected[2].ToArray(), share => Assert.True(double.IsFinite(share)));
        }
    }
}
