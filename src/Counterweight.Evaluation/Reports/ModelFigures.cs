namespace Counterweight.Evaluation.Reports;

/// <summary>The figures of one model on evaluation text and tasks.</summary>
public sealed record ModelFigures
{
    /// <summary>LIS by layer: slots · max slot load / total slot load.</summary>
    public required LayerScores Lis { get; init; }

    /// <summary>LIS in the paper's form: the number of logical experts stays in place of the slot count.</summary>
    public required LayerScores LisPaper { get; init; }

    /// <summary>Device imbalance over all evaluation text, by device count and then by split (<see cref="SplitNames"/>).</summary>
    public required IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>> DeviceImbalance { get; init; }

    /// <summary>The same for each evaluation file alone: one domain at a time.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<int, IReadOnlyDictionary<string, Imbalance>>> DeviceImbalanceByFile
    {
        get; init;
    }

    /// <summary>Mean over batches and layers of the LIS within one batch, by tokens per batch.</summary>
    public required IReadOnlyDictionary<int, double> LisByBatchSize { get; init; }

    /// <summary>Bytes that the process holds for experts: codes, scales, padding and tables.</summary>
    public required long ExpertBytes { get; init; }

    /// <summary>Bytes that the process holds for all weights.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>exp of the mean negative log-likelihood per token, over all evaluation files.</summary>
    public required double Perplexity { get; init; }

    /// <summary>Perplexity of each evaluation file.</summary>
    public required IReadOnlyDictionary<string, FilePerplexity> PerplexityByFile { get; init; }

    /// <summary>Accuracy by task.</summary>
    public required IReadOnlyDictionary<string, TaskAccuracy> Accuracy { get; init; }

    /// <summary>Prompt tokens a second; null where it wasn't timed.</summary>
    public double? PrefillTokensPerSecond { get; init; }

    /// <summary>Generated tokens a second; null where it wasn't timed.</summary>
    public double? DecodeTokensPerSecond { get; init; }
}

/// <summary>The names of split policies in reports.</summary>
public static class SplitNames
{
    /// <summary>Copies of an expert take equal shares.</summary>
    public const string Even = "even";

    /// <summary>A token goes to the copy on the device with the least load so far.</summary>
    public const string LeastLoaded = "leastLoaded";
}

/// <summary>A score for each MoE layer.</summary>
/// <param name="Mean">Mean over layers.</param>
/// <param name="Max">The worst layer.</param>
/// <param name="Layers">Each MoE layer, in order.</param>
public sealed record LayerScores(double Mean, double Max, IReadOnlyList<double> Layers)
{
    /// <summary>Takes mean and maximum over at least one layer.</summary>
    public static LayerScores Over(IReadOnlyList<double> layers) => new(layers.Average(), layers.Max(), layers);
}

/// <summary>Max over mean device load; 1 is perfect.</summary>
/// <param name="Mean">Mean over layers.</param>
/// <param name="Max">The worst layer.</param>
public sealed record Imbalance(double Mean, double Max);

/// <summary>Perplexity of one file.</summary>
/// <param name="Tokens">Scored tokens.</param>
/// <param name="Perplexity">exp of the mean negative log-likelihood per token.</param>
public sealed record FilePerplexity(long Tokens, double Perplexity);

/// <summary>Accuracy on one task.</summary>
/// <param name="Value">Share of right answers, 0 to 1.</param>
/// <param name="Stderr">Standard error of the share.</param>
/// <param name="N">Number of items.</param>
/// <param name="AccNorm">Accuracy by length-normalised likelihood; null where the task has none.</param>
public sealed record TaskAccuracy(double Value, double Stderr, int N, NormalizedAccuracy? AccNorm = null);

/// <summary>Accuracy by likelihood per byte of the answer.</summary>
/// <param name="Value">Share of right answers, 0 to 1.</param>
/// <param name="Stderr">Standard error of the share.</param>
public sealed record NormalizedAccuracy(double Value, double Stderr);
