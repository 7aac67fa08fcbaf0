using MathNet.Numerics.Distributions;

namespace Counterweight.Evaluation.Statistics;

/// <summary>
/// McNemar's exact test: of the samples on which two runs disagree, is it a coin's throw which of them is right?
/// Source: McNemar, Psychometrika 12(2), 1947; exact binomial form.
/// </summary>
/// <param name="Lost">Samples that were right before and are wrong after.</param>
/// <param name="Gained">Samples that were wrong before and are right after.</param>
public sealed record McNemarTest(int Lost, int Gained)
{
    /// <summary>Two-sided exact probability of a split at least as uneven, if both runs were equally good.</summary>
    public double PValue { get; } = Lost == Gained ? 1 : Math.Min(1, 2 * Binomial.CDF(0.5, Lost + Gained, Math.Min(Lost, Gained)));

    /// <summary>Counts over values that are 1 for a right answer and 0 for a wrong one.</summary>
    /// <exception cref="ArgumentException">A value is neither, or there are not as many of both.</exception>
    public static McNemarTest Of(ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        if (!CanTest(before) || !CanTest(after))
            throw new ArgumentException("McNemar's test needs values of 0 and 1", nameof(before));
        var differences = PairedComparison.Differences(before, after);
        return new McNemarTest(differences.Count(difference => difference < 0), differences.Count(difference => difference > 0));
    }

    internal static bool CanTest(ReadOnlySpan<double> values) => !values.ContainsAnyExcept(0.0, 1.0);
}
