using System.Runtime.Intrinsics;
using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>
/// The traces of one layer in units of the mean device load, side by side in lanes. Experts are numbered by descending load here, so that
/// the search does not depend on how the model numbers them.
/// </summary>
internal sealed class LayerTraffic
{
    // Rises of an expert's load in traffic that was not recorded, measured by leaving traces out: 10 to 20 % of its load, plus a part of
    // what it differs by between the traces that were recorded.
    private const double UnseenShare = 0.15, UnseenSpread = 0.2;

    // An expert without recorded load is still given room for this part of an average one.
    private const double LeastShare = 1e-6;

    public LayerTraffic(IReadOnlyList<ExpertLoads> traces, int layer, int devices, IReadOnlyList<double>? weights)
    {
        Experts = traces[0].Experts;
        Lanes = (traces.Count + Vector256<float>.Count - 1) / Vector256<float>.Count * Vector256<float>.Count;
        Weights = new float[Lanes];
        var shares = Shares(traces, layer, devices, weights);
        ModelExpert = Order(shares);
        Load = new float[Experts * Lanes];
        (Mean, Variance) = (new double[Experts], new float[Experts]);
        for (var e = 0; e < Experts; e++)
            Summarize(e, shares);
    }

    public int Experts { get; }

    /// <summary>Traces, padded to whole vectors by lanes without load or weight.</summary>
    public int Lanes { get; }

    /// <summary>Weight of each lane; they sum to 1 unless nothing was routed at all. [Lanes]</summary>
    public float[] Weights { get; }

    /// <summary>The model's number of each expert. [Experts]</summary>
    public int[] ModelExpert { get; }

    /// <summary>Load of each expert in mean device loads. [Experts, Lanes]</summary>
    public float[] Load { get; }

    /// <summary>Weighted mean of an expert's load over the traces. [Experts]</summary>
    public double[] Mean { get; }

    /// <summary>Variance of an expert's load in traffic that was not recorded. [Experts]</summary>
    public float[] Variance { get; }

    private double[][] Shares(IReadOnlyList<ExpertLoads> traces, int layer, int devices, IReadOnlyList<double>? weights)
    {
        var shares = new double[traces.Count][];
        double sum = 0;
        for (var t = 0; t < traces.Count; t++)
        {
            double total = 0;
            foreach (var load in traces[t][layer])
                total += load;
            shares[t] = new double[Experts];
            for (var e = 0; e < Experts && total > 0; e++)
                shares[t][e] = traces[t][layer][e] / total * devices;
            var weight = total > 0 ? weights?[t] ?? 1 : 0;
            Weights[t] = (float)weight;
            sum += weight;
        }
        for (var t = 0; t < traces.Count && sum > 0; t++)
            Weights[t] = (float)(Weights[t] / sum);
        return shares;
    }

    private int[] Order(double[][] shares)
    {
        var means = new double[Experts];
        for (var e = 0; e < Experts; e++)
            for (var t = 0; t < shares.Length; t++)
                means[e] += Weights[t] * shares[t][e];
        var order = Enumerable.Range(0, Experts).ToArray();
        Array.Sort(order, (a, b) =>
        {
            var byLoad = means[b].CompareTo(means[a]);
            for (var t = 0; byLoad == 0 && t < shares.Length; t++)
                byLoad = shares[t][b].CompareTo(shares[t][a]);
            return byLoad != 0 ? byLoad : a.CompareTo(b);
        });
        return order;
    }

    private void Summarize(int expert, double[][] shares)
    {
        double mean = 0, squares = 0;
        for (var t = 0; t < shares.Length; t++)
        {
            var share = shares[t][ModelExpert[expert]];
            Load[expert * Lanes + t] = (float)share;
            mean += Weights[t] * share;
            squares += Weights[t] * share * share;
        }
        Mean[expert] = mean + LeastShare / Experts;
        Variance[expert] = (float)(UnseenShare * UnseenShare * mean * mean
            + UnseenSpread * UnseenSpread * Math.Max(0, squares - mean * mean));
    }
}
