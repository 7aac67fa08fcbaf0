using System.Globalization;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>One plan for all traces of the request, each taken alone: <see cref="RobustPlanner"/> with a budget of steps, so that equal
/// requests give equal plans.</summary>
public sealed class RobustPolicy : IPlanPolicy
{
    internal const string PolicyName = "robust";

    private const int DefaultIterations = 100_000;

    private static readonly string[] Objectives = ["mean", "worst"];

    private readonly int _redundantExperts, _nodes, _groups, _iterations, _objective;
    private readonly double _caution;

    /// <summary>Every option with its default, as documented.</summary>
    internal static IReadOnlyDictionary<string, string> Defaults { get; } = new OrderedDictionary<string, string>
    {
        ["redundant-experts"] = SlotPlanAssembly.Automatic,
        ["nodes"] = "1",
        ["groups"] = "1",
        ["iterations"] = Text(DefaultIterations),
        ["objective"] = Objectives[0],
        ["caution"] = "0.7",
    };

    /// <summary>
    /// Reads the options <c>redundant-experts</c> (of each layer; default one for each device), <c>nodes</c> and <c>groups</c> (1),
    /// <c>iterations</c> for each layer (100000), <c>objective</c> (mean or worst) and <c>caution</c> (0.7).
    /// </summary>
    /// <exception cref="InvalidInputException">An option is unknown or out of range.</exception>
    public RobustPolicy(IReadOnlyDictionary<string, string> options)
    {
        var reader = new OptionReader(PolicyName, options);
        _redundantExperts = SlotPlanAssembly.RedundantExperts(reader, options);
        _nodes = reader.Integer("nodes", 1, 1, PlanLimits.MaxDevices);
        _groups = reader.Integer("groups", 1, 1, PlanLimits.MaxExperts);
        _iterations = reader.Integer("iterations", DefaultIterations, 0, 1_000_000_000);
        _objective = reader.Choice("objective", 0, Objectives);
        _caution = reader.Number("caution", new RobustOptions { Slots = [], Devices = 1 }.Caution, 0, 10);
        reader.RefuseOthers();
    }

    /// <inheritdoc/>
    public string Name => PolicyName;

    /// <inheritdoc/>
    public Plan Create(PlanRequest request)
    {
        PlanRequestValidator.Check(request);
        var slots = SlotPlanAssembly.SlotsOf(request, _redundantExperts);
        var plan = RobustPlanner.Plan([.. request.Traces.Select(trace => trace.Total)], new RobustOptions
        {
            Slots = [slots],
            Devices = request.Devices,
            Nodes = _nodes,
            Groups = _groups,
            Objective = (RobustObjective)_objective,
            Caution = _caution,
            Iterations = _iterations,
            Seed = request.Seed,
        });
        return SlotPlanAssembly.Finish(request, plan, new PlanPolicy(Name, new OrderedDictionary<string, string>
        {
            ["redundant-experts"] = Text(slots - request.Model.Experts),
            ["nodes"] = Text(_nodes),
            ["groups"] = Text(_groups),
            ["iterations"] = Text(_iterations),
            ["objective"] = Objectives[_objective],
            ["caution"] = Text(_caution),
        }, request.Seed));
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
