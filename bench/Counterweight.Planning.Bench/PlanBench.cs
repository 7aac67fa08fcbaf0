using BenchmarkDotNet.Attributes;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Planning.Bench;

/// <summary>Time of one plan for the shape of DeepSeek-V3: 58 layers of 256 experts in 288 slots on 32 devices, lognormal loads.</summary>
[MemoryDiagnoser]
public class PlanBench
{
    private const int Layers = 58, Experts = 256, Slots = 288, Devices = 32;

    private readonly ExpertLoads[] _traces = [.. Enumerable.Range(0, 6).Select(Lognormal)];
    private EnginePlan _plan = null!;

    [GlobalSetup]
    public void Plan() => _plan = new EnginePlan(Experts, Devices, [.. Enumerable.Range(3, Layers)], EplbGlobal());

    [Benchmark]
    public int[][] EplbGlobal() => EplbPlanner.Plan(_traces[0], new EplbOptions(Slots, Devices));

    [Benchmark]
    public int[][] EplbHierarchical() => EplbPlanner.Plan(_traces[0], new EplbOptions(Slots, Devices, Nodes: 4, Groups: 8));

    [Benchmark]
    public int[][] RobustSixTraces_20000_Steps() =>
        RobustPlanner.Plan(_traces, new RobustOptions { Slots = [Slots], Devices = Devices, Iterations = 20_000 });

    [Benchmark]
    public double OptimalSplit() => DeviceLoads.OptimalImbalance(_plan, _traces[1]).Average();

    private static ExpertLoads Lognormal(int seed)
    {
        // A shared part and a part of each trace's own, so that traces resemble each other as recorded ones do.
        var (shared, own, loads) = (new Random(1), new Random(100 + seed), new ExpertLoads(Layers, Experts));
        for (var l = 0; l < Layers; l++)
            for (var e = 0; e < Experts; e++)
                loads[l][e] = (long)(100_000 * Math.Exp(0.7 * Normal(shared) + 0.3 * Normal(own)));
        return loads;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
