using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Streaming;

/// <summary>Recorded loads as material for streams.</summary>
public static class StreamTraffic
{
    /// <summary>
    /// Each trace as a kind of traffic: its windows are the units, and where there are fewer than <paramref name="needed"/> of them, units
    /// are drawn from its total: each token picks its experts independently, in proportion to it.
    /// </summary>
    /// <param name="traces">Recorded traces of one shape.</param>
    /// <param name="needed">Units of each kind that a stream asks for.</param>
    /// <param name="tokens">Tokens of a drawn unit, 1 to 10^6.</param>
    /// <param name="topK">Experts that each token is sent to.</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <exception cref="InvalidInputException">A number is out of range.</exception>
    public static IReadOnlyList<IReadOnlyList<ExpertLoads>> Units(IReadOnlyList<LoadTrace> traces, int needed, int tokens, int topK, ulong seed)
    {
        if (tokens is < 1 or > 1_000_000 || topK < 1 || topK > traces[0].Total.Experts)
            throw new InvalidInputException("units", $"{tokens} tokens, top {topK}", $"1 to 1000000 tokens, top 1 to {traces[0].Total.Experts}");
        return [.. traces.Select((trace, t) => trace.Windows.Count >= needed ? trace.Windows : Drawn(trace.Total, needed, tokens, topK, seed + (ulong)t))];
    }

    /// <summary>The traces one after the other as they were recorded, a segment each.</summary>
    public static LoadStream Recorded(IReadOnlyList<LoadTrace> traces) =>
        new("recorded", [.. traces.Select(trace => new StreamSegment(trace.Name, trace.Windows))]);

    private static ExpertLoads[] Drawn(ExpertLoads total, int count, int tokens, int topK, ulong seed)
    {
        var units = Enumerable.Range(0, count).Select(_ => new ExpertLoads(total.Layers, total.Experts)).ToArray();
        Parallel.For(0, total.Layers, l =>
        {
            var draw = new TokenDraw(total[l], topK, seed * 1_000_003 + (ulong)l);
            foreach (var unit in units)
                draw.Add(tokens, unit[l]);
        });
        return units;
    }
}
