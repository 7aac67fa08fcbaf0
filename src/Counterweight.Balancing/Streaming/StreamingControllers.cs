using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Streaming;

/// <summary>The streaming controllers by name.</summary>
public static class StreamingControllers
{
    internal const string LongTerm = "long-term", ShortTerm = "short-term", Ema = "ema", Hysteresis = "hysteresis", Oracle = "oracle";

    /// <summary>
    /// <c>long-term</c>, <c>short-term</c> and <c>ema</c> rebalance after every window, for all windows so far, the last one, or their
    /// exponential moving average, whatever it moves. <c>hysteresis</c> moves only where more is to be gained than chance and the moves
    /// explain. <c>oracle</c> is told the coming loads: the bound for the others.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = [LongTerm, ShortTerm, Ema, Hysteresis, Oracle];

    /// <summary>A controller that starts from a plan.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="plan">The plan that is served; any number of slots on each device.</param>
    /// <param name="costs">Bytes of an expert by precision.</param>
    /// <param name="options">Its options; null: the defaults.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <param name="errors">Distortion for each token that meets a precision, [MoE layers][experts] in any unit, for precisions that are
    /// free to change; null: what normally distributed weights make expect.</param>
    /// <exception cref="InvalidInputException">There is no such controller, the plan is not valid or has a precision without costs, or an option is out
    /// of range.</exception>
    public static StreamingController Create(string name, Plan plan, ExpertCosts costs, StreamingOptions? options = null,
        TimeProvider? time = null, IReadOnlyDictionary<Precision, double[][]>? errors = null)
    {
        options ??= new StreamingOptions();
        options.Check();
        PlanValidator.Check(plan, "plan");
        PlanValidator.CheckPrecisions(plan, costs);
        var ema = Math.Pow(2, -1 / options.HalfLife);
        var (factor, isGated, foresees) = name switch
        {
            LongTerm => (1.0, false, false),
            ShortTerm => (0.0, false, false),
            Ema => (ema, false, false),
            Hysteresis => (ema, true, false),
            Oracle => (0.0, false, true),
            _ => throw new InvalidInputException("controller", $"\"{name}\"", "one of " + string.Join(", ", Names)),
        };
        var search = new PlanSearch(plan, new SlotCosts(plan, costs, errors, isGated ? options.MoveCost : 0, options), isGated ? options.MaxMoves : int.MaxValue);
        return new StreamingController(name, plan, search, factor, isGated ? new SwapGate(options, time ?? TimeProvider.System) : null, foresees);
    }
}
