using Counterweight.Balancing.Loads;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>Mean and standard deviation of the LIS of one batch.</summary>
/// <param name="Mean">Mean.</param>
/// <param name="Deviation">Standard deviation over batches.</param>
internal readonly record struct LisDistribution(double Mean, double Deviation)
{
    public static LisDistribution Of(double[] scores)
    {
        var mean = scores.Average();
        return new LisDistribution(mean, scores.Length < 2 ? 0 : Math.Sqrt(scores.Sum(score => (score - mean) * (score - mean)) / (scores.Length - 1)));
    }
}

/// <summary>
/// The LIS that chance alone gives a batch. Few tokens cannot be spread evenly: that is imbalance which no router could avoid, and it
/// falls as batches grow.
/// </summary>
internal static class ChanceLis
{
    /// <summary>Every choice is drawn from the same shares, all apart (multinomial).</summary>
    /// <param name="choices">Tokens · k of each batch; draws go through them in turn.</param>
    /// <param name="shares">Share of each expert, [experts], together 1.</param>
    /// <param name="draws">Batches to draw, 2 or more.</param>
    /// <param name="random">Draws them.</param>
    public static LisDistribution Multinomial(IReadOnlyList<int> choices, ReadOnlySpan<double> shares, int draws, Random random)
    {
        var cumulative = new double[shares.Length];
        double sum = 0;
        for (var e = 0; e < shares.Length; e++)
            cumulative[e] = sum += shares[e];
        var counts = new long[shares.Length];
        var scores = new double[draws];
        for (var draw = 0; draw < draws; draw++)
        {
            Array.Clear(counts);
            for (var i = choices[draw % choices.Count]; i > 0; i--)
            {
                var place = Array.BinarySearch(cumulative, random.NextDouble() * sum);
                counts[Math.Min(place < 0 ? ~place : place + 1, counts.Length - 1)]++;
            }
            scores[draw] = LoadImbalance.MaxOverMean<long>(counts);
        }
        return LisDistribution.Of(scores);
    }

    /// <summary>Every token is one of the measured tokens with all of its k experts, drawn apart from the others.</summary>
    /// <param name="tokens">Tokens of each batch; draws go through them in turn.</param>
    /// <param name="pool">Chosen experts of the measured tokens, [tokens · k].</param>
    /// <param name="topK">k.</param>
    /// <param name="experts">Logical experts.</param>
    /// <param name="draws">Batches to draw, 2 or more.</param>
    /// <param name="random">Draws them.</param>
    public static LisDistribution IndependentTokens(IReadOnlyList<int> tokens, ReadOnlySpan<int> pool, int topK, int experts, int draws, Random random)
    {
        var counts = new long[experts];
        var scores = new double[draws];
        for (var draw = 0; draw < draws; draw++)
        {
            Array.Clear(counts);
            for (var i = tokens[draw % tokens.Count]; i > 0; i--)
                foreach (var expert in pool.Slice(random.Next(pool.Length / topK) * topK, topK))
                    counts[expert]++;
            scores[draw] = LoadImbalance.MaxOverMean<long>(counts);
        }
        return LisDistribution.Of(scores);
    }
}
