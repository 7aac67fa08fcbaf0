using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Streaming;

/// <summary>The streaming controllers by name.</summary>
public static class StreamingControllers
{
    internal const string LongTerm = "long-term", ShortTerm = "short-term", Ema = "ema", Hysteresis = "hysteresis", Oracle = "oracle", LateOracle = "late-oracle";

    /// <summary>
    /// <c>long-term</c>, <c>short-term</c> and <c>ema</c> rebalance after every window, for all windows so far, the last one, or their
    /// exponential moving average, whatever it moves. <c>hysteresis</c> moves only where more is to be gained than chance and the moves
    /// explain. <c>oracle</c> is told the loads of each segment beforehand: the bound for the others. <c>late-oracle</c> is told after the
    /// segment's first window: the bound for those that learn of a change from the traffic itself.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [LongTerm, ShortTerm, Ema, Hysteresis, LateOracle, Oracle];

    /// <summary>A controller that starts from a plan.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="plan">The plan that is served; any number of slots on each device.</param>
    /// <param name="costs">Bytes of an expert by precision.</param>
    /// <param name="options">Its options; null: the defaults.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <param name="errors">Distortion for each token that meets a precision, [MoE layers][experts] in any unit, for precisions that are
    /// free to change; null: what normally distributed weights make expect.</param>
    /// <param name="known">Kinds of traffic that were recorded before, for example those that the plan was made from: what <c>hysteresis</c> has seen it
    /// recognises in a few tokens. Null: none; kinds that end are remembered all the same.</param>
    /// <exception cref="InvalidInputException">There is no such controller, the plan is not valid or has a precision without costs, or an option is out
    /// of range.</exception>
    public static StreamingController Create(string name, Plan plan, ExpertCosts costs, StreamingOptions? options = null,
        TimeProvider? time = null, IReadOnlyDictionary<Precision, double[][]>? errors = null, IReadOnlyList<LoadTrace>? known = null)
    {
        options ??= new StreamingOptions();
        options.Check();
        PlanValidator.Check(plan, "plan");
        PlanValidator.CheckPrecisions(plan, costs);
        foreach (var trace in known ?? [])
            if (trace.Total.Layers != plan.Layers.Count || trace.Total.Experts != plan.Model.Experts)
                throw new InvalidInputException(trace.Name, $"{trace.Total.Layers} layers of {trace.Total.Experts} experts", $"{plan.Layers.Count} of {plan.Model.Experts}, as in the plan");
        var ema = Math.Pow(2, -1 / options.HalfLife);
        var (factor, isGated, foreseesAfter) = name switch
        {
            LongTerm => (1.0, false, (int?)null),
            ShortTerm => (0.0, false, null),
            Ema => (ema, false, null),
            Hysteresis => (ema, true, null),
            LateOracle => (0.0, false, 1),
            Oracle => (0.0, false, 0),
            _ => throw new InvalidInputException("controller", $"\"{name}\"", "one of " + string.Join(", ", Names)),
        };
        var search = new PlanSearch(plan, new SlotCosts(plan, costs, errors, isGated ? options.MoveCost : 0, options), isGated ? options.MaxMoves : int.MaxValue);
        var gate = isGated ? new SwapGate(options, time ?? TimeProvider.System, new TrafficKinds(plan.Layers.Count, plan.Model.Experts, known ?? [])) : null;
        return new StreamingController(name, plan, search, factor, gate, foreseesAfter);
    }
}
