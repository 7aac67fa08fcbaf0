using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;
using Counterweight.Balancing.Tests.Eplb;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Robust;

public sealed class RobustPlannerTests
{
    private static readonly RobustOptions DeepSeek = new() { Slots = [288], Devices = 32, Iterations = 100_000 };

    private static ExpertLoads[] Traces() =>
        [.. Directory.GetFiles(GoldenFiles.Shared("data", "traces", "deepseek-v3"), "*.csv").Order(StringComparer.Ordinal)
            .Select(file => LoadsImport.Read(file)[0].Trace.Total)];

    private static EnginePlan Plan(IReadOnlyList<ExpertLoads> traces, RobustOptions options) =>
        new(traces[0].Experts, options.Devices, [.. Enumerable.Range(0, traces[0].Layers)], RobustPlanner.Plan(traces, options));

    private static int Duplicates(EnginePlan plan) => plan.SlotExperts.Sum(slots =>
        slots.Chunk(slots.Length / plan.Devices).Sum(device => device.Length - device.Distinct().Count()));

    [Fact]
    public void One_recorded_trace_is_balanced_without_duplicates()
    {
        var trace = Traces()[^1];
        var plan = Plan([trace], DeepSeek);
        Assert.Equal(0, Duplicates(plan));
        Assert.InRange(DeviceLoads.EvenImbalance(plan, trace).Average(), 1, 1.007);
    }

    [Fact]
    public void Six_recorded_traces_are_balanced_at_once_and_those_left_out_better_than_by_eplb()
    {
        var traces = Traces();
        var plan = Plan(traces, DeepSeek);
        Assert.Equal(0, Duplicates(plan));
        Assert.InRange(traces.Average(trace => DeviceLoads.EvenImbalance(plan, trace).Average()), 1, 1.02);

        var held = traces[0];
        var others = traces[1..];
        var robust = Plan(others, DeepSeek);
        var eplb = new EnginePlan(256, 32, robust.MoeLayers, EplbPlanner.Plan(ExpertLoads.Sum(others), new EplbOptions(288, 32)));
        Assert.InRange(DeviceLoads.EvenImbalance(robust, held).Average(), 1, 1.06);
        Assert.InRange(DeviceLoads.OptimalImbalance(robust, held).Average(), 1, 1.03);
        Assert.True(DeviceLoads.EvenImbalance(eplb, held).Average() > 1.1);
    }

    [Fact]
    public void Equal_inputs_and_iterations_give_equal_plans_on_any_number_of_threads()
    {
        var traces = Traces();
        var options = DeepSeek with { Iterations = 4000 };
        Assert.Equal(RobustPlanner.Plan(traces, options with { Threads = 1 }), RobustPlanner.Plan(traces, options with { Threads = 3 }));
        Assert.NotEqual(RobustPlanner.Plan(traces, options), RobustPlanner.Plan(traces, options with { Seed = 2 }));
    }

    [Fact]
    public void The_worst_trace_is_better_when_it_is_the_objective()
    {
        var traces = Traces();
        var options = DeepSeek with { Caution = 0, Iterations = 200_000, Slots = [256] };
        double Worst(RobustObjective objective)
        {
            var plan = Plan(traces, options with { Objective = objective });
            return Enumerable.Range(0, plan.SlotExperts.Length).Average(l =>
                traces.Max(trace => DeviceLoads.EvenImbalance(plan, trace)[l]));
        }
        Assert.True(Worst(RobustObjective.Worst) < Worst(RobustObjective.Mean));
    }

    [Fact]
    public void A_served_plan_changes_less_the_more_moves_cost()
    {
        var traces = Traces();
        var served = Plan(traces[..1], DeepSeek);
        int Moved(double cost)
        {
            var plan = Plan(traces[1..2], DeepSeek with { Previous = served, MoveCost = cost, Iterations = 30_000 });
            return plan.SlotExperts.Zip(served.SlotExperts, (now, was) =>
                now.Chunk(9).Zip(was.Chunk(9), (a, b) => a.Except(b).Count()).Sum()).Sum();
        }
        var (free, cheap, dear) = (Moved(0), Moved(0.001), Moved(1));
        Assert.True(free > 2 * cheap, $"{free} {cheap}");
        Assert.True(cheap > dear);
        Assert.Equal(0, dear);
    }

    [Fact]
    public void Groups_stay_on_their_node_with_all_their_copies()
    {
        var traces = Traces();
        var plan = Plan(traces, DeepSeek with { Nodes = 4, Groups = 8, Iterations = 5000 });
        foreach (var slots in plan.SlotExperts)
        {
            var nodes = Enumerable.Range(0, slots.Length).GroupBy(s => slots[s] / 32, s => s / 72).Select(group =>
                group.Distinct().Count());
            Assert.All(nodes, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void A_cancelled_or_timed_out_search_returns_a_whole_plan()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var traces = Traces();
        var plan = new EnginePlan(256, 32, [.. Enumerable.Range(0, 58)], RobustPlanner.Plan(traces, DeepSeek, cancelled.Token));
        Assert.Equal(0, Duplicates(plan));
        Assert.Equal(0, Duplicates(Plan(traces, DeepSeek with { Iterations = null, TimeLimit = TimeSpan.Zero })));
    }

    [Fact]
    public void Plans_of_any_shape_cover_every_expert_without_duplicates_and_are_no_worse_than_their_start() =>
        EplbPlannerTests.Cases.Sample(test =>
        {
            var (loads, devices, perDevice) = test;
            for (var slots = devices * perDevice; slots <= Math.Min(devices * (perDevice + 1), loads.Experts * devices); slots += devices)
            {
                var options = new RobustOptions { Slots = [slots], Devices = devices, Iterations = 2000, Threads = 1, Caution = 0 };
                var plan = Plan([loads], options);
                Assert.Equal(0, Duplicates(plan));
                Assert.All(plan.SlotExperts, layer => Assert.Equal(slots, layer.Length));
                var start = Plan([loads], options with { Iterations = 0 });
                Assert.True(DeviceLoads.EvenImbalance(plan, loads).Sum() <= DeviceLoads.EvenImbalance(start, loads).Sum() + 1e-4);
            }
        }, iter: 150);

    [Fact]
    public void Renumbering_the_experts_renumbers_the_plan() =>
        EplbPlannerTests.Cases.Sample(test =>
        {
            var (loads, devices, perDevice) = test;
            if (devices * perDevice > loads.Experts * devices)
                return;
            var shifted = new ExpertLoads(loads.Layers, loads.Experts);
            for (var l = 0; l < loads.Layers; l++)
                for (var e = 0; e < loads.Experts; e++)
                    shifted[l][(e + 1) % loads.Experts] = loads[l][e];
            var options = new RobustOptions { Slots = [devices * perDevice], Devices = devices, Iterations = 1000, Threads = 1 };
            var (plan, other) = (Plan([loads], options), Plan([shifted], options));
            for (var l = 0; l < loads.Layers; l++)
                Assert.Equal(
                    DeviceLoads.Even(plan.SlotExperts[l], loads[l], devices).Select(load => load / 1e6).Order(),
                    DeviceLoads.Even(other.SlotExperts[l], shifted[l], devices).Select(load => load / 1e6).Order(),
                    (a, b) => Math.Abs(a - b) <= 1e-9 * Math.Max(a, b));
        }, iter: 150);

    [Theory]
    [InlineData(250, 32, "slots: found 250, expected a multiple of the 32 devices from 256 to 8192, so that no device needs an expert twice")]
    [InlineData(288, 0, "devices: found 0, expected 1 to 1024")]
    public void Options_that_do_not_fit_are_refused(int slots, int devices, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(
            () => RobustPlanner.Plan([new ExpertLoads(1, 256)], new RobustOptions { Slots = [slots], Devices = devices })).Message);
}
