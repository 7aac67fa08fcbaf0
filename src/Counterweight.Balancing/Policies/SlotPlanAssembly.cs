using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>Makes plans from slots that a policy has placed: pays for redundant experts with precision where the budget asks for
/// it.</summary>
internal static class SlotPlanAssembly
{
    /// <summary>What leaves the number of redundant experts to the policy.</summary>
    public const string Automatic = "auto";

    private const int ChosenByPolicy = -1;

    /// <summary>Reads <c>redundant-experts</c>: a number, or <see cref="Automatic"/>.</summary>
    public static int RedundantExperts(OptionReader reader, IReadOnlyDictionary<string, string> options)
    {
        const string Name = "redundant-experts";
        return options.GetValueOrDefault(Name) == Automatic
            ? reader.Choice(Name, 0, [Automatic]) + ChosenByPolicy
            : reader.Integer(Name, ChosenByPolicy, 0, PlanLimits.MaxSlots);
    }

    /// <summary>The slots of each layer: experts, redundant ones, and what makes them a multiple of the devices.</summary>
    /// <param name="request">The request.</param>
    /// <param name="redundant">Redundant experts of each layer; below 0 takes one for each device beyond what divides, where there is
    /// room.</param>
    public static int SlotsOf(PlanRequest request, int redundant)
    {
        var (experts, devices) = (request.Model.Experts, request.Devices);
        if (redundant >= 0)
            return experts + redundant;
        var fewest = (experts + devices - 1) / devices * devices;
        return fewest + devices <= (long)experts * devices ? fewest + devices : fewest;
    }

    public static Plan Finish(PlanRequest request, int[][] slots, PlanPolicy policy)
    {
        var total = ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);
        var engine = new EnginePlan(request.Model.Experts, request.Devices, request.Model.MoeLayers, slots);
        var precisions = PrecisionAssignment.Choose(engine, total, request.Costs, request.Budget, request.Precisions ?? Known(request),
            PrecisionMix.PerSlot, request.Importance?.Loss);
        if (request.Importance is not null && precisions.Distortion > request.MaxLoss)
            throw new InvalidInputException("maximum loss", FormattableString.Invariant($"{request.MaxLoss}"),
                FormattableString.Invariant($"at least {precisions.Distortion:G3} nats per token to pay for {engine.RedundantExperts} redundant experts"));
        LayerPlan[] layers = [.. slots.Select((experts, l) => new LayerPlan(request.Model.MoeLayers[l],
            [.. experts.Select((expert, s) => new Slot(expert, precisions.Precisions[l][s], s / engine.SlotsPerDevice(l)))]))];
        return PlanAssembly.Finish(request, layers,
            [.. layers.Select(layer => layer.Slots.Select(slot => new ExpertCopy(slot.Expert, slot.Precision)).ToArray())], policy);
    }

    // By default slots may take every precision whose bytes, and where importance was measured whose loss, are known.
    private static Precision[] Known(PlanRequest request) => [.. request.Costs.Precisions.Where(precision =>
        precision != request.Costs.Original && request.Importance?.Loss.ContainsKey(precision) != false)];
}
