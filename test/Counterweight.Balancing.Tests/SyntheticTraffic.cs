using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Tests;

/// <summary>
/// Traffic of several domains over one model: loads fall off like 1/rank^skew, every domain has hot experts of its own, and windows
/// drift around the domain's mean.
/// </summary>
internal sealed class SyntheticTraffic(int layers, int experts, int topK, int domains, double skew, int seed)
{
    private readonly Random _random = new(seed);

    public ModelFingerprint Model { get; } =
        new("synthetic_moe", [.. Enumerable.Range(1, layers)], experts, topK, WeightsHash: null);

    public static ExpertCosts Costs { get; } = new(Precision.Bf16, new Dictionary<Precision, long>
    {
        [Precision.Fp32] = 221184,
        [Precision.Bf16] = 110592,
        [Precision.Int8] = 56064,
        [Precision.LlmInt8] = 56832,
        [Precision.Int4] = 31104,
    });

    /// <summary>The same traffic twice: what a plan is made from, and later traffic to judge it by.</summary>
    public (LoadTrace[] Calibration, LoadTrace[] Serving) Record(int windows, int tokens)
    {
        var (calibration, serving) = (new LoadTrace[domains], new LoadTrace[domains]);
        for (var d = 0; d < domains; d++)
        {
            double[][] shares = [.. Enumerable.Range(0, layers).Select(_ => Shares())];
            calibration[d] = Trace(d, shares, windows, tokens);
            serving[d] = Trace(d, shares, windows, tokens);
        }
        return (calibration, serving);
    }

    public PlanRequest Request(IReadOnlyList<LoadTrace> traces, double lossOfInt4 = 0.0043) => new()
    {
        Model = Model,
        Traces = traces,
        Costs = Costs,
        Importance = Importance(traces, lossOfInt4),
    };

    // Losses follow load, as measured distortion does, with a spread between experts; int8 costs 1/190 of int4.
    private ExpertImportance Importance(IReadOnlyList<LoadTrace> traces, double lossOfInt4)
    {
        var total = ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);
        var int4 = new double[layers][];
        for (var l = 0; l < layers; l++)
        {
            var loads = total[l].ToArray();
            var sum = Math.Max(1, loads.Sum());
            int4[l] = [.. loads.Select(load => lossOfInt4 / layers * load / sum * (0.5 + _random.NextDouble()))];
        }
        double[][] Scaled(double by) => [.. int4.Select(layer => layer.Select(loss => loss * by).ToArray())];
        double[][] Random() => [.. int4.Select(layer => layer.Select(_ => _random.NextDouble()).ToArray())];
        double[][][] shares = [.. int4.Select(layer => layer.Select(_ => GateShare()).ToArray())];
        return new ExpertImportance(Random(), Random(), new Dictionary<Precision, double[][]>
        {
            [Precision.Int4] = int4,
            [Precision.Int8] = Scaled(1.0 / 190),
            [Precision.LlmInt8] = Scaled(1.0 / 100),
        }, shares);
    }

    private static double[] GateShare() => [.. Enumerable.Range(0, 9).Select(i => 1 - Math.Pow(1 - i / 8.0, 2.5))];

    private LoadTrace Trace(int domain, double[][] shares, int windows, int tokens)
    {
        var list = new ExpertLoads[windows];
        for (var w = 0; w < windows; w++)
        {
            list[w] = new ExpertLoads(layers, experts);
            for (var l = 0; l < layers; l++)
                for (var e = 0; e < experts; e++)
                    list[w][l][e] = (long)(shares[l][e] * tokens * topK * (0.6 + 0.8 * _random.NextDouble()));
        }
        return new LoadTrace($"domain{domain}", list);
    }

    private double[] Shares()
    {
        double[] shares = [.. Enumerable.Range(1, experts).Select(rank => 1 / Math.Pow(rank, skew))];
        _random.Shuffle(shares);
        var sum = shares.Sum();
        return [.. shares.Select(share => share / sum)];
    }
}
