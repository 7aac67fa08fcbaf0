using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>
/// One plan for many traces: chooses copies and places so that the device imbalance of every trace, taken alone, is small, with room for
/// traffic that was not recorded. No device has two copies of one expert.
/// </summary>
public static class RobustPlanner
{
    /// <summary>Plans every layer.</summary>
    /// <param name="traces">The loads of each trace, at least one, all of one shape.</param>
    /// <param name="options">What to plan for and how long to search.</param>
    /// <param name="cancellation">Ends the search early: the best plan so far is returned.</param>
    /// <returns>The logical expert in each slot, [layers][slots]; devices own equal contiguous runs.</returns>
    /// <exception cref="InvalidInputException">The options do not fit the traces.</exception>
    public static int[][] Plan(IReadOnlyList<ExpertLoads> traces, RobustOptions options, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(traces.Count);
        var (layers, experts) = (traces[0].Layers, traces[0].Experts);
        if (traces.Any(trace => trace.Layers != layers || trace.Experts != experts))
            throw new InvalidInputException("traces", "different shapes", $"{layers} layers of {experts} experts in each");
        options.Check(layers, experts, traces.Count);
        var clock = new SearchClock(options, layers, cancellation);
        var plan = new int[layers][];
        var next = -1;
        Parallel.For(0, clock.Threads, _ =>
        {
            for (var l = Interlocked.Increment(ref next); l < layers; l = Interlocked.Increment(ref next))
            {
                var progress = clock.Start(l);
                plan[l] = new LayerSearch(traces, l, options).Run(progress);
            }
        });
        return options.Previous is { } previous ? SlotOrder.Keep(previous.SlotExperts, plan, options.Devices) : plan;
    }
}
