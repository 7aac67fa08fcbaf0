using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.Streaming;

/// <summary>The plan of an engine that has seen no traffic yet.</summary>
public static class StreamStart
{
    /// <summary>Experts dealt out to the devices, redundant copies of the first of them, all in the checkpoint's precision.</summary>
    /// <param name="model">The model.</param>
    /// <param name="costs">Bytes of an expert.</param>
    /// <param name="devices">Devices, 1 to 1024.</param>
    /// <param name="redundant">Redundant experts of each layer; experts and these are a multiple of the devices. Null: one for each device
    /// beyond what divides.</param>
    /// <exception cref="InvalidInputException">The numbers do not divide or are out of range.</exception>
    public static Plan Plan(ModelFingerprint model, ExpertCosts costs, int devices, int? redundant = null)
    {
        if (devices is < 1 or > PlanLimits.MaxDevices)
            throw new InvalidInputException("devices", $"{devices}", $"1 to {PlanLimits.MaxDevices}");
        var uniform = new Loads.ExpertLoads(model.MoeLayers.Count, model.Experts);
        var slots = model.Experts + (redundant ?? (model.Experts + devices - 1) / devices * devices - model.Experts + devices);
        var experts = RobustPlanner.Plan([uniform], new RobustOptions { Slots = [slots], Devices = devices, Iterations = 0 });
        LayerPlan[] layers = [.. experts.Select((layer, l) => new LayerPlan(model.MoeLayers[l],
            [.. layer.Select((expert, s) => new Slot(expert, costs.Original, s / (slots / devices)))]))];
        var (original, planned) = (costs.OriginalBytes(model), costs.BytesOf(layers));
        return new Plan(model, devices, layers, new PlanBudget(original, planned, Math.Max(1, Math.Ceiling((double)planned / original * 1e4) / 1e4)),
            new PlanPolicy("none", new Dictionary<string, string>(), 0), new PlanForecast(1, 1, 1, null));
    }
}
