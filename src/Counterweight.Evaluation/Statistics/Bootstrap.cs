using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Statistics;

/// <summary>Percentile bootstrap intervals. Source: Efron, The Annals of Statistics 7(1), 1979.</summary>
public static class Bootstrap
{
    /// <summary>Enough for two digits of a 95 % interval.</summary>
    public const int DefaultResamples = 10_000;

    /// <summary>
    /// The interval of the mean that holds <paramref name="confidence"/> of the means of resamples, drawn with replacement. For paired
    /// samples give their differences. The same seed gives the same interval.
    /// </summary>
    /// <param name="values">One or more.</param>
    /// <param name="seed">Of the generator.</param>
    /// <param name="confidence">More than 0 and less than 1.</param>
    /// <param name="resamples">1 or more.</param>
    public static (double Low, double High) MeanInterval(
        ReadOnlySpan<double> values,
        uint seed,
        double confidence = 0.95,
        int resamples = DefaultResamples)
    {
        var sample = values.ToArray();
        return Interval(sample.Length, drawn => Mean(sample, drawn), seed, confidence, resamples);
    }

    /// <summary>
    /// The interval of any statistic: <paramref name="statistic"/> is given the indices of a resample, as many as there are samples.
    /// </summary>
    /// <param name="samples">Number of samples, 1 or more.</param>
    /// <param name="statistic">Computes the figure over samples of these indices, in which some are doubled and some missing.</param>
    /// <param name="seed">Of the generator.</param>
    /// <param name="confidence">More than 0 and less than 1.</param>
    /// <param name="resamples">1 or more.</param>
    public static (double Low, double High) Interval(
        int samples,
        Func<ReadOnlyMemory<int>, double> statistic,
        uint seed,
        double confidence = 0.95,
        int resamples = DefaultResamples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        if (confidence is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "a confidence is more than 0 and less than 1");
        var random = new PythonRandom(seed);
        var drawn = new int[samples];
        var figures = new double[resamples];
        for (var resample = 0; resample < resamples; resample++)
        {
            for (var i = 0; i < drawn.Length; i++)
                drawn[i] = random.Below(samples);
            figures[resample] = statistic(drawn);
        }
        Array.Sort(figures);
        return (Quantile(figures, (1 - confidence) / 2), Quantile(figures, (1 + confidence) / 2));
    }

    private static double Mean(double[] values, ReadOnlyMemory<int> drawn)
    {
        double sum = 0;
        foreach (var index in drawn.Span)
            sum += values[index];
        return sum / drawn.Length;
    }

    // Linear between the neighbouring figures, as R's type 7.
    private static double Quantile(double[] sorted, double probability)
    {
        var position = probability * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
