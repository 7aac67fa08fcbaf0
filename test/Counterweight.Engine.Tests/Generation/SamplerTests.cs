using Counterweight.Balancing;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Tests.Kernels;
using CsCheck;

namespace Counterweight.Engine.Tests.Generation;

public class SamplerTests
{
    /// <summary>Logits without ties: which of two equal tokens a filter keeps is open.</summary>
    private static readonly Gen<float[]> Logits =
        from size in Gen.Int[1, 30]
        from order in Gen.Shuffle(Enumerable.Range(0, size).ToArray())
        select Array.ConvertAll(order, rank => rank * 0.37f - 3);

    [Fact]
    public void GreedyTakesTheLargestAndOfEqualsTheFirst()
    {
        var sampler = new Sampler(SamplingOptions.Greedy, 5);
        Assert.Equal(3, sampler.Next([0, -1, 2, 5, 4]));
        Assert.Equal(1, sampler.Next([0, 7, 2, 7, 7]));
        Assert.Equal(0, sampler.Next([-1, -1, -1, -1, -1]));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1.0)]
    [InlineData(2.0)]
    public void DrawsFollowTheSoftmaxAtTheTemperature(double temperature)
    {
        float[] logits = [0, 1, -0.5f, 2, 0.3f, -1];
        var probabilities = Softmax(logits, temperature);
        var counts = Draw(new SamplingOptions { Temperature = temperature, Seed = 7 }, logits, 30_000);
        // 99.9 % quantile of χ² with 5 degrees of freedom.
        Assert.InRange(ChiSquare(counts, probabilities), 0, 20.52);
    }

    [Fact]
    public void FiltersKeepWhatTheirDefinitionsSay() =>
        Gen.Select(Logits, Gen.Int[0, 8], Gen.Double[0.05, 1], Gen.Double[0, 0.9], Gen.Double[0.3, 3], Gen.UInt).Sample(
            (logits, topK, topP, minP, temperature, seed) =>
            {
                var options = new SamplingOptions { TopK = topK, TopP = topP, MinP = minP, Temperature = temperature, Seed = seed };
                var allowed = Allowed(logits, options, slack: 1e-5);
                var drawn = Draw(options, logits, 20);
                for (var token = 0; token < logits.Length; token++)
                    Assert.True(drawn[token] == 0 || allowed.Contains(token), $"token {token} is filtered out");
            },
            iter: 2000);

    [Fact]
    public void EveryTokenThatPassesIsDrawnByItsShare()
    {
        float[] logits = [2.1f, 0, 1.7f, -3, 1.2f, 0.9f, -8, 0.4f];
        foreach (var options in new[]
        {
            new SamplingOptions { TopK = 4, Seed = 3 },
            new SamplingOptions { TopP = 0.8, Seed = 3 },
            new SamplingOptions { MinP = 0.25, Seed = 3 },
            new SamplingOptions { TopK = 5, TopP = 0.95, MinP = 0.2, Temperature = 1.5, Seed = 3 },
        })
        {
            var allowed = Allowed(logits, options, slack: 0);
            Assert.InRange(allowed.Count, 2, 7);
            var probabilities = Softmax(logits, options.Temperature);
            var total = allowed.Sum(token => probabilities[token]);
            var counts = Draw(options, logits, 20_000);
            Assert.Equal(20_000, allowed.Sum(token => counts[token]));
            // 99.9 % quantile of χ² with 6 degrees of freedom, the most that any of these has.
            Assert.InRange(ChiSquare([.. allowed.Select(token => counts[token])], [.. allowed.Select(token => probabilities[token] / total)]), 0, 22.46);
        }
    }

    [Fact]
    public void TheRepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOfSeenTokens()
    {
        var sampler = new Sampler(SamplingOptions.Greedy with { RepetitionPenalty = 2 }, 4);
        sampler.Accept([0, 3, 0]);
        float[] logits = [3, 1, -1, -2];
        Assert.Equal(0, sampler.Next(logits));
        Assert.Equal([1.5f, 1, -1, -4], logits);
        sampler.Accept([1]);
        float[] more = [1.9f, 1.5f, 1, -2];
        Assert.Equal(2, sampler.Next(more));
    }

    [Fact]
    public void TheSameSeedDrawsTheSameTokens() => Gen.Select(Gen.ULong, Gen.Int[0, 5], Gen.Double[0.1, 1]).Sample((seed, topK, topP) =>
    {
        var options = new SamplingOptions { Seed = seed, TopK = topK, TopP = topP };
        Assert.Equal(Sequence(options), Sequence(options));
    });

    [Fact]
    public void SeedsThatFollowEachOtherDrawDifferently()
    {
        var sequences = Enumerable.Range(0, 50).Select(seed => string.Join(' ', Sequence(new SamplingOptions { Seed = (ulong)seed })));
        Assert.Equal(50, sequences.Distinct().Count());
    }

    [Theory]
    [InlineData("--temperature", "-0.1")]
    [InlineData("--temperature", "NaN")]
    [InlineData("--top-k", "-1")]
    [InlineData("--top-p", "0")]
    [InlineData("--top-p", "1.5")]
    [InlineData("--min-p", "-0.5")]
    [InlineData("--repetition-penalty", "0")]
    public void OptionsOutOfRangeAreNamed(string option, string value)
    {
        var number = double.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
        var options = option switch
        {
            "--temperature" => new SamplingOptions { Temperature = number },
            "--top-k" => new SamplingOptions { TopK = (int)number },
            "--top-p" => new SamplingOptions { TopP = number },
            "--min-p" => new SamplingOptions { MinP = number },
            _ => new SamplingOptions { RepetitionPenalty = number },
        };
        var e = Assert.Throws<InvalidInputException>(() => new Sampler(options, 4));
        Assert.Equal((option, value), (e.Where, e.Found));
    }

    private static int[] Sequence(SamplingOptions options)
    {
        var sampler = new Sampler(options, 40);
        return [.. Enumerable.Range(0, 12).Select(i => sampler.Next(KernelCases.Random(40, i)))];
    }

    private static int[] Draw(SamplingOptions options, float[] logits, int draws)
    {
        var sampler = new Sampler(options, logits.Length);
        var counts = new int[logits.Length];
        for (var i = 0; i < draws; i++)
            counts[sampler.Next((float[])logits.Clone())]++;
        return counts;
    }

    private static double[] Softmax(float[] logits, double temperature)
    {
        var weights = logits.Select(logit => Math.Exp(logit / temperature)).ToArray();
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    /// <summary>Top-k, then top-p among those, then min-p, by their definitions; <paramref name="slack"/> leaves room for rounding at the edges.</summary>
    private static HashSet<int> Allowed(float[] logits, SamplingOptions options, double slack)
    {
        var probabilities = Softmax(logits, options.Temperature);
        var order = Enumerable.Range(0, logits.Length).OrderByDescending(token => probabilities[token]).ToArray();
        if (options.TopK > 0)
            order = order[..Math.Min(order.Length, options.TopK)];
        var total = order.Sum(token => probabilities[token]);
        var before = 0.0;
        var allowed = new HashSet<int>();
        foreach (var token in order)
        {
            if (allowed.Count > 0 && (before >= options.TopP * total + slack || probabilities[token] < options.MinP * probabilities[order[0]] - slack))
                break;
            allowed.Add(token);
            before += probabilities[token];
        }
        return allowed;
    }

    private static double ChiSquare(int[] counts, double[] probabilities) =>
        counts.Zip(probabilities, (count, p) => (count - p * counts.Sum()) * (count - p * counts.Sum()) / (p * counts.Sum())).Sum();
}
