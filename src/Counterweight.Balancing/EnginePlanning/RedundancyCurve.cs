using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>What a number of redundant experts buys.</summary>
/// <param name="RedundantExperts">Redundant experts of each layer.</param>
/// <param name="Imbalance">Mean over traces and layers of max / mean device load, even split; never above that of fewer redundant
/// experts.</param>
/// <param name="Optimal">The same under the best split.</param>
/// <param name="Slots">The plan, [layers][slots].</param>
public sealed record RedundancyPoint(int RedundantExperts, double Imbalance, double Optimal, int[][] Slots);

/// <summary>How imbalance falls with redundant experts, and the smallest number that reaches a target.</summary>
public static class RedundancyCurve
{
    /// <summary>Plans for each number of redundant experts.</summary>
    /// <param name="traces">The loads of each trace.</param>
    /// <param name="options">How to search; its slots are ignored.</param>
    /// <param name="redundantExperts">Redundant experts of each layer, ascending; experts and redundant ones divide by the devices.</param>
    public static IEnumerable<RedundancyPoint> Plan(IReadOnlyList<ExpertLoads> traces, RobustOptions options,
        IEnumerable<int> redundantExperts)
    {
        RedundancyPoint? best = null;
        foreach (var redundant in redundantExperts)
        {
            var point = PlanOne(traces, options, redundant);
            // A larger number can always do as well; where the search has not found it yet, say what is known to be reachable.
            if (best is not null && best.Imbalance < point.Imbalance)
                point = point with { Imbalance = best.Imbalance, Optimal = Math.Min(best.Optimal, point.Optimal) };
            yield return best = point;
        }
    }

    /// <summary>The numbers of redundant experts up to a limit that make slots a multiple of the devices.</summary>
    public static IEnumerable<int> Divisible(int experts, int devices, int limit)
    {
        for (var redundant = (devices - experts % devices) % devices; redundant <= Math.Min(limit,
            (long)experts * (devices - 1)); redundant += devices)
            yield return redundant;
    }

    /// <summary>The smallest number of redundant experts whose plan reaches a target, by bisection over <see cref="Divisible"/>.</summary>
    /// <param name="traces">The loads of each trace.</param>
    /// <param name="options">How to search; its slots are ignored.</param>
    /// <param name="target">Mean over traces and layers of max / mean device load, even split, above 1.</param>
    /// <param name="limit">Most redundant experts of a layer.</param>
    /// <exception cref="InvalidInputException">The limit does not reach the target: says what it reaches.</exception>
    public static RedundancyPoint SmallestFor(IReadOnlyList<ExpertLoads> traces, RobustOptions options, double target, int limit)
    {
        int[] numbers = [.. Divisible(traces[0].Experts, options.Devices, limit)];
        if (numbers.Length == 0)
            throw new InvalidInputException("redundant experts", $"at most {limit}",
                $"enough to make slots a multiple of the {options.Devices} devices");
        var (low, high) = (0, numbers.Length - 1);
        var best = PlanOne(traces, options, numbers[high]);
        if (best.Imbalance > target)
            throw new InvalidInputException("target", FormattableString.Invariant($"{target}"),
                FormattableString.Invariant($"at least {best.Imbalance:F4}, what {numbers[high]} redundant experts reach"));
        while (low < high)
        {
            var middle = (low + high) / 2;
            var point = PlanOne(traces, options, numbers[middle]);
            if (point.Imbalance <= target)
                (high, best) = (middle, point);
            else
                low = middle + 1;
        }
        return best;
    }

    private static RedundancyPoint PlanOne(IReadOnlyList<ExpertLoads> traces, RobustOptions options, int redundant)
    {
        var slots = RobustPlanner.Plan(traces, options with { Slots = [traces[0].Experts + redundant], Previous = null });
        var plan = new EnginePlan(traces[0].Experts, options.Devices, [.. Enumerable.Range(0, traces[0].Layers)], slots);
        return new RedundancyPoint(redundant, traces.Average(trace => DeviceLoads.EvenImbalance(plan, trace).Average()),
            traces.Average(trace => DeviceLoads.OptimalImbalance(plan, trace).Average()), slots);
    }
}
