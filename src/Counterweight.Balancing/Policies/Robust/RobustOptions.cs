using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>How the imbalances of several traces become one number.</summary>
public enum RobustObjective
{
    /// <summary>The weighted mean over the traces.</summary>
    Mean,

    /// <summary>The worst trace.</summary>
    Worst,
}

/// <summary>What <see cref="RobustPlanner"/> plans for, and how long it may search.</summary>
public sealed record RobustOptions
{
    /// <summary>Physical experts of each layer: multiples of the devices, from the logical experts up to experts × devices. One number for
    /// all layers, or one for each.</summary>
    public required IReadOnlyList<int> Slots { get; init; }

    /// <summary>Number of devices, 1 to 1024.</summary>
    public required int Devices { get; init; }

    /// <summary>Number of nodes, a divisor of the devices. Default 1.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>Expert groups of the router. With more than one node, all copies of a group's experts stay on one node; 1 lifts that limit.
    /// Default 1.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>How traces are weighed against each other. Default mean.</summary>
    public RobustObjective Objective { get; init; } = RobustObjective.Mean;

    /// <summary>A weight above 0 for each trace; null weighs all alike.</summary>
    public IReadOnlyList<double>? TraceWeights { get; init; }

    /// <summary>
    /// Standard deviations of unseen load that a device's load is planned with, 0 to 10. Default 0.7; 0 trusts the traces to be all that
    /// will ever come.
    /// </summary>
    public double Caution { get; init; } = 0.7;

    /// <summary>The plan that is being served: the search starts from it and pays <see cref="MoveCost"/> for each expert moved.</summary>
    public EnginePlan? Previous { get; init; }

    /// <summary>By how much a layer's imbalance must fall to be worth one expert copied to another device, 0 to 1. Default
    /// 0.0005.</summary>
    public double MoveCost { get; init; } = 0.0005;

    /// <summary>Search steps for each layer, 0 to 10^9; with them the plan depends on the inputs alone. Null searches for <see
    /// cref="TimeLimit"/>.</summary>
    public long? Iterations { get; init; }

    /// <summary>Wall-clock time for all layers together, where no iterations are given. Default 1 s.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Threads that search layers side by side, 1 to 1024. Default: all processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The seed of the search. Default 1.</summary>
    public ulong Seed { get; init; } = 1;

    internal void Check(int layers, int experts, int traces)
    {
        Between(Devices, 1, Plans.PlanLimits.MaxDevices, "devices");
        Between(Nodes, 1, Devices, "nodes");
        Between(Groups, 1, experts, "groups");
        Between(Caution, 0, 10, "caution");
        Between(MoveCost, 0, 1, "move cost");
        Between(Threads, 1, 1024, "threads");
        Between(Iterations ?? 0, 0, 1_000_000_000, "iterations");
        Between(TimeLimit.TotalSeconds, 0, 86400, "time limit in seconds");
        if (Devices % Nodes != 0)
            throw new InvalidInputException("nodes", $"{Nodes}", $"a divisor of the {Devices} devices");
        if (Nodes > 1 && Groups > 1 && (Groups % Nodes != 0 || experts % Groups != 0))
            throw new InvalidInputException("groups", $"{Groups}", $"a multiple of the {Nodes} nodes that divides the {experts} experts");
        if (Slots.Count != 1 && Slots.Count != layers)
            throw new InvalidInputException("slots", $"{Slots.Count} numbers", $"one, or one for each of the {layers} layers");
        foreach (var slots in Slots)
            CheckSlots(slots, experts);
        if (TraceWeights is { } weights && (weights.Count != traces || weights.Any(weight => !(weight > 0 && double.IsFinite(weight)))))
            throw new InvalidInputException("trace weights", string.Join(", ", weights), $"{traces} numbers above 0");
        if (Previous is { } plan && (plan.Experts != experts || plan.Devices != Devices || plan.SlotExperts.Length != layers))
            throw new InvalidInputException("previous plan",
                $"{plan.SlotExperts.Length} layers, {plan.Experts} experts, {plan.Devices} devices",
                $"{layers} layers, {experts} experts, {Devices} devices");
    }

    /// <summary>The slots of a layer.</summary>
    internal int SlotsOf(int layer) => Slots.Count == 1 ? Slots[0] : Slots[layer];

    private void CheckSlots(int slots, int experts)
    {
        var copies = Nodes > 1 && Groups > 1 ? Devices / Nodes : Devices;
        if (slots < experts || slots % Devices != 0 || slots > (long)experts * copies || slots > Plans.PlanLimits.MaxSlots)
            throw new InvalidInputException("slots", $"{slots}",
                $"a multiple of the {Devices} devices from {experts} to {Math.Min((long)experts * copies, Plans.PlanLimits.MaxSlots)}, so that no device needs an expert twice");
    }

    private static void Between(double value, double min, double max, string name)
    {
        if (!(value >= min && value <= max))
            throw new InvalidInputException(name, FormattableString.Invariant($"{value}"), FormattableString.Invariant($"{min} to {max}"));
    }
}
