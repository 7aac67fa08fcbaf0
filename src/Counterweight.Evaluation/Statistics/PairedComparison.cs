namespace Counterweight.Evaluation.Statistics;

/// <summary>Two measurements of the same samples, compared sample by sample.</summary>
/// <param name="Samples">Number of samples.</param>
/// <param name="Before">Mean of the first measurement.</param>
/// <param name="After">Mean of the second.</param>
/// <param name="Difference">After − before: mean of the differences, standard error √(Σ(d − mean)² / (n − 1)) / √n, Student's t.</param>
public sealed record PairedComparison(int Samples, double Before, double After, StudentInterval Difference)
{
    /// <summary>Compares <paramref name="after"/>[i] with <paramref name="before"/>[i]; as many of both, one or more.</summary>
    public static PairedComparison Of(ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        var differences = Differences(before, after);
        var mean = differences.Average();
        var squares = differences.Sum(difference => (difference - mean) * (difference - mean));
        var standardError = Math.Sqrt(squares / (differences.Length - 1) / differences.Length);
        var difference = StudentInterval.Of(mean, standardError, differences.Length);
        return new PairedComparison(differences.Length, Mean(before), Mean(after), difference);
    }

    internal static double[] Differences(ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        if (before.Length != after.Length || before.Length == 0)
            throw new ArgumentException($"{before.Length} and {after.Length} values cannot be paired", nameof(after));
        var differences = new double[before.Length];
        for (var i = 0; i < differences.Length; i++)
            differences[i] = after[i] - before[i];
        return differences;
    }

    private static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (var value in values)
            sum += value;
        return sum / values.Length;
    }
}
