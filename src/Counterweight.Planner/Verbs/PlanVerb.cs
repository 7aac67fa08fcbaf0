using System.CommandLine;
using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;
using Counterweight.Planner.Report;

namespace Counterweight.Planner.Verbs;

/// <summary><c>plan</c>: from recorded loads to plan.json.</summary>
internal static class PlanVerb
{
    private static readonly Option<string[]> Loads = CommonOptions.Loads(required: true);
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<int?> DenseLayers = CommonOptions.DenseLayers();
    private static readonly Option<int> Devices = new("--devices")
    {
        Description = "Number of devices (ranks of expert parallelism)",
        Required = true,
    };
    private static readonly Option<int?> Redundant = new("--redundant")
    {
        Description = "Redundant experts of each layer; default: one for each device",
    };
    private static readonly Option<double?> Target = new("--target")
    {
        Description = "Take the smallest number of redundant experts that reaches this mean device imbalance, for example 1.05",
    };
    private static readonly Option<long?> Total = new("--total-redundant")
    {
        Description = "Redundant experts of all layers together, spent where they help; layers get different widths",
    };
    private static readonly Option<string> Policy = CommonOptions.Named(
        new Option<string>("--policy") { Description = "robust: one plan for all traces; eplb: the published algorithm on the summed loads", DefaultValueFactory = _ => "robust" }, ["robust", "eplb"]);
    private static readonly Option<int?> PerNode = CommonOptions.DevicesPerNode();
    private static readonly Option<int?> Groups = new("--groups")
    {
        Description = "Keep whole expert groups of the router on a node: their number (n_group); default: no limit",
    };
    private static readonly Option<string> Objective = CommonOptions.Named(
        new Option<string>("--objective") { Description = "What counts over traces: mean or worst", DefaultValueFactory = _ => "mean" }, ["mean", "worst"]);
    private static readonly Option<double[]> Weights = new("--weights")
    {
        Description = "A weight for each trace",
        AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<double> Caution = new("--caution")
    {
        Description = "Standard deviations of unseen load to leave room for, 0 to 10",
        DefaultValueFactory = _ => 0.7,
    };
    private static readonly Option<double> Time = new("--time") { Description = "Seconds to search", DefaultValueFactory = _ => 1 };
    private static readonly Option<long?> Iterations = new("--iterations")
    {
        Description = "Search steps for each layer in place of a time: the plan then depends on the inputs alone",
    };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of the search", DefaultValueFactory = _ => 1 };
    private static readonly Option<int?> Threads = new("--threads") { Description = "Threads; default: all processors" };
    private static readonly Option<string?> Previous = new("--previous")
    {
        Description = "The plan that is being served: moves away from it cost",
    };
    private static readonly Option<double> MoveCost = new("--move-cost")
    {
        Description = "By how much a layer's imbalance must fall to be worth one moved expert",
        DefaultValueFactory = _ => 0.0005,
    };
    private static readonly Option<double?> Budget = new("--budget")
    {
        Description = "Limit on expert bytes as a ratio to the model as it is: slots are lowered in precision to keep it (needs --config)",
    };
    private static readonly Option<string[]> Precisions = new("--precisions")
    {
        Description = "Precisions that slots may be lowered to; default: fp8 int8 int4",
        AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<string> Mix = CommonOptions.Named(
        new Option<string>("--mix") { Description = "layer: one precision for all experts of a layer, as GPU engines load; slot: any", DefaultValueFactory = _ => "layer" }, ["layer", "slot"]);
    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "Plan to write",
        DefaultValueFactory = _ => "plan.json",
    };
    private static readonly Option<string?> Json = CommonOptions.Json();
    private static readonly Option<string?> Html = CommonOptions.Html();

    public static Command Create()
    {
        var command = new Command("plan", "Plans which experts to replicate and where to place them, from recorded loads")
        {
            Loads, Config, DenseLayers, Devices, Redundant, Target, Total, Policy, PerNode, Groups, Objective, Weights, Caution, Time, Iterations,
            Seed, Threads, Previous, MoveCost, Budget, Precisions, Mix, Out, Json, Html,
        };
        command.Does(Run);
        return command;
    }

    private static bool Run(ParseResult parsed)
    {
        var config = CommonOptions.ReadConfig(parsed, Config);
        var loads = LoadInput.Read(parsed.GetValue(Loads)!, new ImportOptions { DenseLayers = parsed.GetValue(DenseLayers) }, config);
        var options = SearchOptions(parsed, loads, config);
        var slots = Search(parsed, loads, options);
        var engine = new EnginePlan(loads.Experts, options.Devices, loads.MoeLayers, slots);
        var scores = TraceScore.Of(engine, loads.Traces);
        var plan = Assemble(parsed, engine, loads, config, scores, out var distortion);
        AtomicFile.Write(parsed.GetValue(Out)!, stream => PlanFile.Write(plan, stream));
        Print(parsed, engine, scores, plan, config, distortion);
        if (parsed.GetValue(Json) is { } json)
            FigureJson.Write(json, writer =>
            {
                writer.WriteNumber("devices", engine.Devices);
                writer.WriteNumber("redundantExperts", engine.RedundantExperts);
                writer.WriteNumber("expertBytesRatio", (double)plan.Budget.PlannedBytes / plan.Budget.OriginalBytes);
                if (distortion is { } value)
                    writer.WriteNumber("distortion", value);
                TraceScore.WriteJson(writer, scores);
            });
        if (parsed.GetValue(Html) is { } html)
            HtmlReport.Write(html, engine, loads, scores);
        return true;
    }

    private static RobustOptions SearchOptions(ParseResult parsed, LoadInput loads, EngineModelConfig? config)
    {
        var devices = parsed.GetValue(Devices);
        if (devices is < 1 or > PlanLimits.MaxDevices)
            throw new InvalidInputException("--devices", $"{devices}", $"1 to {PlanLimits.MaxDevices}");
        var source = new PlanSource(null, devices, config);
        return new RobustOptions
        {
            Slots = [],
            Devices = devices,
            Nodes = CommonOptions.Topology(devices, parsed.GetValue(PerNode)).Nodes,
            Groups = parsed.GetValue(Groups) ?? 1,
            Objective = parsed.GetValue(Objective) == "worst" ? RobustObjective.Worst : RobustObjective.Mean,
            TraceWeights = parsed.GetValue(Weights) is { Length: > 0 } weights ? weights : null,
            Caution = parsed.GetValue(Caution),
            TimeLimit = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(Time), 0, 86400)),
            Iterations = parsed.GetValue(Iterations),
            Threads = parsed.GetValue(Threads) ?? Environment.ProcessorCount,
            Seed = parsed.GetValue(Seed),
            Previous = parsed.GetValue(Previous) is { } previous ? source.Read(previous, out _) : null,
            MoveCost = parsed.GetValue(MoveCost),
        };
    }

    private static int[][] Search(ParseResult parsed, LoadInput loads, RobustOptions options)
    {
        var given = new[] { parsed.GetValue(Redundant) is not null, parsed.GetValue(Target) is not null, parsed.GetValue(Total) is not null };
        if (given.Count(isGiven => isGiven) > 1)
            throw new InvalidInputException("--redundant, --target and --total-redundant", "more than one", "one of them");
        var fewest = (loads.Experts + options.Devices - 1) / options.Devices * options.Devices;
        if (parsed.GetValue(Target) is { } target)
            return RedundancyCurve.SmallestFor(loads.Totals, options, target, limit: 2 * loads.Experts).Slots;
        if (parsed.GetValue(Total) is { } total)
            return RobustPlanner.Plan(loads.Totals, options with { Slots = LayerBudgets.Spend(loads.Totals, options, total) });
        var slots = parsed.GetValue(Redundant) is { } redundant ? loads.Experts + redundant : fewest + options.Devices;
        if (parsed.GetValue(Policy) == "robust")
            return RobustPlanner.Plan(loads.Totals, options with { Slots = [slots] });
        var sum = ExpertLoads.Sum(loads.Totals);
        var plan = EplbPlanner.Plan(sum, new EplbOptions(slots, options.Devices, options.Nodes, options.Groups));
        for (var l = 0; l < plan.Length; l++)
            DuplicateRepair.Repair(plan[l], sum[l], options.Devices);
        return plan;
    }

    private static Plan Assemble(ParseResult parsed, EnginePlan engine, LoadInput loads, EngineModelConfig? config,
        IReadOnlyList<TraceScore> scores, out double? distortion)
    {
        var total = ExpertLoads.Sum(loads.Totals);
        // Without the model's sizes bytes are counted in experts.
        var costs = config?.Costs ?? new ExpertCosts(Precision.Bf16, new Dictionary<Precision, long> { [Precision.Bf16] = 1 });
        Precision[][] precisions = [.. engine.SlotExperts.Select(slots => slots.Select(_ => costs.Original).ToArray())];
        distortion = null;
        if (parsed.GetValue(Budget) is { } budget)
        {
            if (config is null)
                throw new InvalidInputException("--budget", "no --config", "the model's config.json, for the bytes of an expert");
            var chosen = PrecisionAssignment.Choose(engine, total, costs, budget, PrecisionsOf(parsed, costs),
                parsed.GetValue(Mix) == "slot" ? PrecisionMix.PerSlot : PrecisionMix.PerLayer);
            (precisions, distortion) = (chosen.Precisions, chosen.Distortion);
        }
        LayerPlan[] layers = [.. engine.SlotExperts.Select((experts, l) => new LayerPlan(engine.MoeLayers[l],
            [.. experts.Select((expert, s) => new Slot(expert, precisions[l][s], s / engine.SlotsPerDevice(l)))]))];
        var model = config?.Fingerprint ?? new ModelFingerprint("unknown", engine.MoeLayers, engine.Experts, 1, null);
        var (original, planned) = (costs.OriginalBytes(model), costs.BytesOf(layers));
        var limit = parsed.GetValue(Budget) ?? Math.Max(1, Math.Ceiling((double)planned / original * 1e4) / 1e4);
        return new Plan(model, engine.Devices, layers, new PlanBudget(original, planned, limit), Provenance(parsed), Forecast(engine, total, scores));
    }

    private static Precision[] PrecisionsOf(ParseResult parsed, ExpertCosts costs)
    {
        string[] names = parsed.GetValue(Precisions) is { Length: > 0 } given ? given : ["fp8", "int8", "int4"];
        return [.. names.SelectMany(name => name.Split(',')).Select(name => PrecisionNames.TryParse(name, out var precision) && costs.Has(precision)
            ? precision
            : throw new InvalidInputException("--precisions", $"\"{name}\"", string.Join(", ", costs.Precisions.Select(p => p.Name()))))];
    }

    private static PlanPolicy Provenance(ParseResult parsed) => new(parsed.GetValue(Policy)!, new OrderedDictionary<string, string>
    {
        ["loads"] = string.Join(' ', parsed.GetValue(Loads)!.Select(Path.GetFileName)),
        ["objective"] = parsed.GetValue(Objective)!,
        ["caution"] = parsed.GetValue(Caution).ToString(CultureInfo.InvariantCulture),
        [parsed.GetValue(Iterations) is null ? "seconds" : "iterations"] =
            parsed.GetValue(Iterations)?.ToString(CultureInfo.InvariantCulture) ?? parsed.GetValue(Time).ToString(CultureInfo.InvariantCulture),
    }, parsed.GetValue(Seed));

    private static PlanForecast Forecast(EnginePlan engine, ExpertLoads total, IReadOnlyList<TraceScore> scores)
    {
        double lis = 0, straggler = 0;
        for (var l = 0; l < total.Layers; l++)
        {
            var slots = DeviceLoads.SlotLoads(engine.SlotExperts[l], total[l]);
            lis += LoadImbalance.MaxOverMean(slots);
            long busiest = 0;
            foreach (var tokens in total[l])
                busiest = Math.Max(busiest, tokens);
            straggler += busiest > 0 ? busiest / slots.Max() : 1;
        }
        return new PlanForecast(lis / total.Layers, straggler / total.Layers, scores.Average(score => score.Even.Average()), null);
    }

    private static void Print(ParseResult parsed, EnginePlan engine, IReadOnlyList<TraceScore> scores, Plan plan, EngineModelConfig? config, double? distortion)
    {
        var output = parsed.InvocationConfiguration.Output;
        var width = engine.UniformSlots is { } slots ? $"{slots} slots" : $"{engine.SlotExperts.Min(l => l.Length)} to {engine.SlotExperts.Max(l => l.Length)} slots";
        output.WriteLine($"{engine.SlotExperts.Length} MoE layers ({engine.MoeLayers[0]} to {engine.MoeLayers[^1]}) of {engine.Experts} experts, {width} on {engine.Devices} devices, {engine.RedundantExperts} redundant experts in all");
        output.WriteLine();
        TraceScore.Print(scores, output);
        output.WriteLine();
        if (config is not null)
            output.WriteLine(FormattableString.Invariant($"Expert bytes: {Figures.Bytes(plan.Budget.OriginalBytes)} before, {Figures.Bytes(plan.Budget.PlannedBytes)} planned, ratio {(double)plan.Budget.PlannedBytes / plan.Budget.OriginalBytes:F4}"));
        if (distortion is { } value)
            output.WriteLine(FormattableString.Invariant($"Predicted distortion: {value:G3}, relative squared error of expert weights by tokens (all int4 would be {PrecisionAssignment.RelativeError(Precision.Int4):G3})"));
        output.WriteLine($"Written to {parsed.GetValue(Out)}");
    }
}
