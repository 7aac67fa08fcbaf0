using System.Diagnostics;
using System.Globalization;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Planning.Bench;

/// <summary>
/// How plans hold on traffic that they have not seen: <c>holdout SECONDS DEVICES SLOTS FILE…</c> plans from all traces but one, serves the
/// one, for each in turn, beside EPLB on the summed loads.
/// </summary>
internal static class HoldOut
{
    public static int Run(string[] args)
    {
        var (seconds, devices, slots) = (double.Parse(args[0], CultureInfo.InvariantCulture),
            int.Parse(args[1], CultureInfo.InvariantCulture), int.Parse(args[2], CultureInfo.InvariantCulture));
        var traces = args[3..].Select(file => LoadsImport.Read(file)[0].Trace).ToArray();
        Console.WriteLine($"{"held out",-24} {"EPLB even",10} {"best",7} {"robust even",12} {"best",7} {"seconds",8}");
        for (var held = 0; held <= traces.Length; held++)
        {
            var served = held < traces.Length ? [traces[held].Total] : traces.Select(trace => trace.Total).ToArray();
            var known = traces.Where((_, t) => t != held).Select(trace => trace.Total).ToArray();
            var clock = Stopwatch.StartNew();
            var robust = RobustPlanner.Plan(known,
                new RobustOptions { Slots = [slots], Devices = devices, TimeLimit = TimeSpan.FromSeconds(seconds) });
            var elapsed = clock.Elapsed.TotalSeconds;
            var eplb = EplbPlanner.Plan(Normalized(known), new EplbOptions(slots, devices));
            var (a, b) = (Scores(eplb, served, devices), Scores(robust, served, devices));
            Console.WriteLine(FormattableString.Invariant(
                $"{(held < traces.Length ? traces[held].Name : "none: all are known"),-24} {a.Even,10:F4} {a.Best,7:F4} {b.Even,12:F4} {b.Best,7:F4} {elapsed,8:F2}"));
        }
        return 0;
    }

    private static (double Even, double Best) Scores(int[][] slots, ExpertLoads[] served, int devices)
    {
        var plan = new EnginePlan(served[0].Experts, devices, [.. Enumerable.Range(0, slots.Length)], slots);
        return (served.Average(loads => DeviceLoads.EvenImbalance(plan, loads).Average()),
            served.Average(loads => DeviceLoads.OptimalImbalance(plan, loads).Average()));
    }

    // Traces weigh alike, whatever their lengths.
    private static ExpertLoads Normalized(ExpertLoads[] traces)
    {
        var sum = new ExpertLoads(traces[0].Layers, traces[0].Experts);
        foreach (var trace in traces)
            for (var l = 0; l < sum.Layers; l++)
            {
                var total = Math.Max(1.0, trace[l].ToArray().Sum(count => (double)count));
                for (var e = 0; e < sum.Experts; e++)
                    sum[l][e] += (long)(trace[l][e] / total * 1e12);
            }
        return sum;
    }
}
