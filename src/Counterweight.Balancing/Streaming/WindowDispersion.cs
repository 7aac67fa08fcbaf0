using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// How much more windows of the same traffic differ than if every token chose its experts independently, as a ratio of variances: tokens
/// of one text are alike. Measured between neighbouring windows; the median over the last ones, so that jumps do not count.
/// </summary>
internal sealed class WindowDispersion
{
    // Before anything is known: what text windows of some thousand tokens show.
    private const double FirstGuess = 2;

    private const int Remembered = 15, Fewest = 3;

    private readonly Queue<double> _ratios = [];
    private ExpertLoads? _last;

    /// <summary>The ratio; at least 1.</summary>
    public double Value { get; private set; } = FirstGuess;

    /// <summary>Takes the next window.</summary>
    public void Observe(ExpertLoads window)
    {
        if (_last is not null && Ratio(_last, window) is { } ratio)
        {
            _ratios.Enqueue(ratio);
            if (_ratios.Count > Remembered)
                _ratios.Dequeue();
            if (_ratios.Count >= Fewest)
                Value = Math.Max(1, _ratios.Order().ElementAt(_ratios.Count / 2));
        }
        _last = window;
    }

    // The statistic of the two-sample χ² test as a ratio of sums, so that busy experts count as they do in device loads:
    // a √(B/A) − b √(A/B) has variance a + b under independence, for windows of A and B tokens.
    private static double? Ratio(ExpertLoads first, ExpertLoads second)
    {
        double squares = 0, variances = 0;
        for (var l = 0; l < first.Layers; l++)
        {
            var a = first[l];
            var b = second[l];
            var (sumA, sumB) = (Sum(a), Sum(b));
            if (sumA == 0 || sumB == 0)
                continue;
            var scale = Math.Sqrt(sumB / sumA);
            for (var e = 0; e < first.Experts; e++)
            {
                var difference = a[e] * scale - b[e] / scale;
                squares += difference * difference / (sumA + sumB);
                variances += (a[e] + b[e]) / (sumA + sumB);
            }
        }
        return variances > 0 ? squares / variances : null;
    }

    private static double Sum(ReadOnlySpan<long> tokens)
    {
        double sum = 0;
        foreach (var count in tokens)
            sum += count;
        return sum;
    }
}
