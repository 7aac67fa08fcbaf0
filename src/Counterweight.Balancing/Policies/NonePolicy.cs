using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies;

/// <summary>The model as it is: every expert once, in the checkpoint's precision, in contiguous runs on the devices. The baseline.</summary>
public sealed class NonePolicy : IPlanPolicy
{
    internal const string PolicyName = "none";

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    public Plan Create(PlanRequest request)
    {
        PlanRequestValidator.Check(request);
        var experts = request.Model.Experts;
        ExpertCopy[] copies = [.. Enumerable.Range(0, experts).Select(expert => new ExpertCopy(expert, request.Costs.Original))];
        Slot[] slots = [.. copies.Select(copy => new Slot(copy.Expert, copy.Precision, (int)((long)copy.Expert * request.Devices / experts)))];
        LayerPlan[] layers = [.. request.Model.MoeLayers.Select(layer => new LayerPlan(layer, slots))];
        // Nothing is saved: a tighter budget than the model itself does not apply.
        return PlanAssembly.Finish(request with { Budget = Math.Max(1, request.Budget) }, layers, [.. layers.Select(_ => copies)],
            new PlanPolicy(Name, new OrderedDictionary<string, string>(), request.Seed));
    }
}
