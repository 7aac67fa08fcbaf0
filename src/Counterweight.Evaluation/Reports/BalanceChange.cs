namespace Counterweight.Evaluation.Reports;

/// <summary>After against before.</summary>
public sealed record BalanceChange
{
    /// <summary>Mean over layers of (busiest slot before / busiest slot after); above 1 is better.</summary>
    public required double StragglerRatio { get; init; }

    /// <summary>Mean LIS before / after; above 1 is better.</summary>
    public required double LisRatio { get; init; }

    /// <summary>The same of the LIS in paper form.</summary>
    public required double LisPaperRatio { get; init; }

    /// <summary>Expert bytes after / before; below 1 is better.</summary>
    public required double ExpertBytesRatio { get; init; }

    /// <summary>Bytes of all weights after / before; below 1 is better.</summary>
    public required double TotalBytesRatio { get; init; }

    /// <summary>Perplexity after / before; below 1 is better.</summary>
    public required double PerplexityRatio { get; init; }

    /// <summary>Perplexity after - before, paired over the same text.</summary>
    public required PairedDifference PerplexityDifference { get; init; }

    /// <summary>Accuracy after - before by task, paired over the same items.</summary>
    public required IReadOnlyDictionary<string, PairedDifference> AccuracyDifference { get; init; }

    /// <summary>Prefill speed after / before; null where it wasn't timed.</summary>
    public double? PrefillTokensPerSecondRatio { get; init; }

    /// <summary>Decode speed after / before; null where it wasn't timed.</summary>
    public double? DecodeTokensPerSecondRatio { get; init; }

    /// <summary>Takes all ratios from the figures themselves; the paired differences need the single items and come from outside.</summary>
    public static BalanceChange Between(
        ModelFigures before,
        ModelFigures after,
        BalanceDetail detail,
        PairedDifference perplexity,
        IReadOnlyDictionary<string, PairedDifference> accuracy) => new()
        {
            StragglerRatio = Straggler(detail.BusiestSlotBefore, detail.BusiestSlotAfter),
            LisRatio = before.Lis.Mean / after.Lis.Mean,
            LisPaperRatio = before.LisPaper.Mean / after.LisPaper.Mean,
            ExpertBytesRatio = (double)after.ExpertBytes / before.ExpertBytes,
            TotalBytesRatio = (double)after.TotalBytes / before.TotalBytes,
            PerplexityRatio = after.Perplexity / before.Perplexity,
            PerplexityDifference = perplexity,
            AccuracyDifference = accuracy,
            PrefillTokensPerSecondRatio = after.PrefillTokensPerSecond / before.PrefillTokensPerSecond,
            DecodeTokensPerSecondRatio = after.DecodeTokensPerSecond / before.DecodeTokensPerSecond,
        };

    private static double Straggler(long[] before, long[] after) =>
        before.Zip(after, (b, a) => a > 0 ? (double)b / a : 1).Average();
}

/// <summary>A difference measured twice on the same items.</summary>
/// <param name="Value">After - before.</param>
/// <param name="Stderr">Standard error of the paired difference.</param>
/// <param name="Low">Lower end of the 95 % interval.</param>
/// <param name="High">Upper end of the 95 % interval.</param>
public sealed record PairedDifference(double Value, double Stderr, double Low, double High)
{
    private const double Normal95 = 1.959963984540054; // two-sided 95 % quantile of the normal distribution

    /// <summary>The normal interval around a difference.</summary>
    public static PairedDifference Normal(double value, double stderr) =>
        new(value, stderr, value - Normal95 * stderr, value + Normal95 * stderr);
}
