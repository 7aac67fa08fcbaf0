using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Device imbalance of batches of one size: what is left of it is noise that no static plan can remove.</summary>
/// <param name="Tokens">Tokens of each batch.</param>
/// <param name="Batches">Batches that were looked at.</param>
/// <param name="Even">Mean over batches and layers of max / mean device load, even split.</param>
/// <param name="LeastLoaded">The same when each batch's tokens go to the copies that keep the busiest device lowest, whole tokens.</param>
/// <param name="Optimal">The same under the best split, the bound.</param>
/// <param name="LongRun">Even split over all batches together: what the plan does without the noise.</param>
public sealed record BatchForecast(int Tokens, int Batches, double Even, double LeastLoaded, double Optimal, double LongRun)
{
    /// <summary>Draws batches from recorded loads: each token picks its experts independently, in proportion to them.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="loads">Recorded loads.</param>
    /// <param name="tokens">Tokens of a batch, 1 to 10^6.</param>
    /// <param name="topK">Experts that each token is sent to.</param>
    /// <param name="batches">Batches to draw for each layer, 1 to 10^4.</param>
    /// <param name="seed">The seed of the draws.</param>
    public static BatchForecast Resample(EnginePlan plan, ExpertLoads loads, int tokens, int topK, int batches = 16, ulong seed = 1)
    {
        DeviceLoads.CheckShape(plan, loads, "loads");
        if (tokens is < 1 or > 1_000_000 || batches is < 1 or > 10_000 || topK < 1 || topK > loads.Experts)
            throw new InvalidInputException("batches", $"{batches} of {tokens} tokens, top {topK}",
                $"1 to 10000 of 1 to 1000000 tokens, top 1 to {loads.Experts}");
        var windows = Enumerable.Range(0, batches).Select(_ => new ExpertLoads(loads.Layers, loads.Experts)).ToArray();
        Parallel.For(0, loads.Layers, l =>
        {
            var draw = new TokenDraw(loads[l], topK, seed * 1_000_003 + (ulong)l);
            foreach (var window in windows)
                draw.Add(tokens, window[l]);
        });
        return OfWindows(plan, windows, loads, tokens);
    }

    /// <summary>Takes the windows of a per-token trace as batches.</summary>
    public static BatchForecast OfTrace(EnginePlan plan, LoadTrace trace, int tokens)
    {
        DeviceLoads.CheckShape(plan, trace.Total, "trace");
        return OfWindows(plan, trace.Windows, trace.Total, tokens);
    }

    private static BatchForecast OfWindows(EnginePlan plan, IReadOnlyList<ExpertLoads> windows, ExpertLoads total, int tokens)
    {
        var sums = new (double Even, double LeastLoaded, double Optimal)[total.Layers];
        Parallel.For(0, total.Layers, l =>
        {
            var optimal = new OptimalSplit(plan.SlotExperts[l], plan.Experts, plan.Devices);
            var wholeTokens = new WholeTokenSplit(plan, l);
            foreach (var window in windows)
            {
                sums[l].Even += LoadImbalance.MaxOverMean(DeviceLoads.Even(plan.SlotExperts[l], window[l], plan.Devices));
                sums[l].LeastLoaded += wholeTokens.Imbalance(window[l]);
                sums[l].Optimal += optimal.Imbalance(window[l]);
            }
        });
        var count = (double)windows.Count * total.Layers;
        return new BatchForecast(tokens, windows.Count, sums.Sum(s => s.Even) / count, sums.Sum(s => s.LeastLoaded) / count,
            sums.Sum(s => s.Optimal) / count, DeviceLoads.EvenImbalance(plan, total).Average());
    }
}
