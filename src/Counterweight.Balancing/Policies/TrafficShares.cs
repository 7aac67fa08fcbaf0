using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Policies;

/// <summary>The calibration traffic of one layer as shares of tokens that sum to 1, as far as it can be told from what was recorded.</summary>
internal sealed class TrafficShares
{
    // Routed tokens of mixed traffic that each trace is blended with: short traces say little about experts that they hardly touch.
    private const double PriorTokens = 2000;

    /// <summary>Shares of MoE layer <paramref name="layer"/>, 0-based; <paramref name="traces"/> are kinds of traffic that may come alone.</summary>
    public TrafficShares(IReadOnlyList<LoadTrace> traces, int layer)
    {
        double[][] recorded = [.. traces.Select(trace => Shares(trace.Total[layer]))];
        double[] weights = [.. traces.Select(trace => Sum(trace.Total[layer]))];
        Mixture = Mean([Mean(recorded, weights), Mean(recorded, Equal(traces.Count))], Equal(2));
        Single = new double[traces.Count][];
        for (var t = 0; t < traces.Count; t++)
            Single[t] = Mean([recorded[t], Mixture], [weights[t], PriorTokens]);
    }

    /// <summary>All traffic together. Its weights at serving are unknown: the mean of "as recorded" and "all traces alike", [experts].</summary>
    public double[] Mixture { get; }

    /// <summary>Each trace alone, [traces][experts].</summary>
    public double[][] Single { get; }

    private static double Sum(ReadOnlySpan<long> tokens)
    {
        double sum = 0;
        foreach (var count in tokens)
            sum += count;
        return sum;
    }

    private static double[] Shares(ReadOnlySpan<long> tokens)
    {
        var (shares, sum) = (new double[tokens.Length], Sum(tokens));
        for (var e = 0; e < tokens.Length; e++)
            shares[e] = sum > 0 ? tokens[e] / sum : 1.0 / tokens.Length;
        return shares;
    }

    private static double[] Equal(int count) => [.. Enumerable.Repeat(1.0, count)];

    private static double[] Mean(double[][] rows, double[] weights)
    {
        var sum = weights.Sum();
        if (sum <= 0)
            (weights, sum) = (Equal(rows.Length), rows.Length);
        var mean = new double[rows[0].Length];
        for (var r = 0; r < rows.Length; r++)
            for (var e = 0; e < mean.Length; e++)
                mean[e] += rows[r][e] * weights[r] / sum;
        return mean;
    }
}
