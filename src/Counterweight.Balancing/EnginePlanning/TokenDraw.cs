using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>
/// Draws tokens in proportion to recorded loads, k distinct experts for each by rejection: the loads of a trained router never make one
/// expert nearly certain for long.
/// </summary>
internal sealed class TokenDraw
{
    private const int MaxRejections = 64;

    private readonly double[] _cumulative;
    private readonly int[] _picked;
    private SearchRandom _random;

    public TokenDraw(ReadOnlySpan<long> loads, int topK, ulong seed)
    {
        (_cumulative, _picked, _random) = (new double[loads.Length], new int[topK], new SearchRandom(seed));
        double sum = 0;
        for (var e = 0; e < loads.Length; e++)
            _cumulative[e] = sum += loads[e];
    }

    public void Add(int tokens, Span<long> counts)
    {
        if (_cumulative[^1] <= 0)
            return;
        for (var t = 0; t < tokens; t++)
            for (var n = 0; n < _picked.Length; n++)
                counts[_picked[n] = Pick(n)]++;
    }

    private int Pick(int picked)
    {
        for (var i = 0; ; i++)
        {
            var at = (_random.Next() >> 11) * (1.0 / (1UL << 53)) * _cumulative[^1];
            var found = Array.BinarySearch(_cumulative, at);
            var expert = Math.Min(found >= 0 ? found + 1 : ~found, _cumulative.Length - 1);
            if (i >= MaxRejections || !_picked.AsSpan(0, picked).Contains(expert))
                return expert;
        }
    }
}
