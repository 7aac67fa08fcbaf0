using System.Globalization;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Eplb;

/// <summary>
/// The published EPLB on the summed loads, as a baseline. Plans allow no expert twice on a device, so such slots are exchanged with the
/// nearest load elsewhere; <see cref="EplbPlanner"/> gives the unchanged result.
/// </summary>
public sealed class EplbPolicy : IPlanPolicy
{
    internal const string PolicyName = "eplb";

    private readonly int _redundantExperts, _nodes, _groups;

    /// <summary>Every option with its default, as documented.</summary>
    internal static IReadOnlyDictionary<string, string> Defaults { get; } = new OrderedDictionary<string, string>
    {
        ["redundant-experts"] = SlotPlanAssembly.Automatic,
        ["nodes"] = "1",
        ["groups"] = "1",
    };

    /// <summary>Reads the options <c>redundant-experts</c> (of each layer; default one for each device), <c>nodes</c> and <c>groups</c>
    /// (1).</summary>
    /// <exception cref="InvalidInputException">An option is unknown or out of range.</exception>
    public EplbPolicy(IReadOnlyDictionary<string, string> options)
    {
        var reader = new OptionReader(PolicyName, options);
        _redundantExperts = SlotPlanAssembly.RedundantExperts(reader, options);
        _nodes = reader.Integer("nodes", 1, 1, PlanLimits.MaxDevices);
        _groups = reader.Integer("groups", 1, 1, PlanLimits.MaxExperts);
        reader.RefuseOthers();
    }

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    public Plan Create(PlanRequest request)
    {
        PlanRequestValidator.Check(request);
        var total = ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);
        var slots = SlotPlanAssembly.SlotsOf(request, _redundantExperts);
        var plan = EplbPlanner.Plan(total, new EplbOptions(slots, request.Devices, _nodes, _groups));
        for (var l = 0; l < plan.Length; l++)
            if (request.Devices > 1 && !DuplicateRepair.Repair(plan[l], total[l], request.Devices))
                throw new InvalidInputException("redundant experts", $"{slots - request.Model.Experts}",
                    $"fewer: layer {request.Model.MoeLayers[l]} would have more copies of an expert than can stand on different devices");
        return SlotPlanAssembly.Finish(request, plan, new PlanPolicy(Name, new OrderedDictionary<string, string>
        {
            ["redundant-experts"] = Text(slots - request.Model.Experts),
            ["nodes"] = Text(_nodes),
            ["groups"] = Text(_groups),
        }, request.Seed));
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
