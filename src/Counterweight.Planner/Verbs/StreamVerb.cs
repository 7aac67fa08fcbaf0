using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Streaming;
using Counterweight.Planner.Report;

namespace Counterweight.Planner.Verbs;

/// <summary><c>stream</c>: what streaming controllers make of traffic that changes.</summary>
internal static class StreamVerb
{
    private const string Recorded = "recorded";

    private static readonly StreamingOptions Defaults = new();
    private static readonly StreamShape DefaultShape = new();

    private static readonly Option<string[]> Loads = CommonOptions.Loads(required: true);
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<int?> DenseLayers = CommonOptions.DenseLayers();
    private static readonly Option<int> Devices = Number("--devices", "Number of devices (ranks of expert parallelism)", 8);
    private static readonly Option<int?> Redundant = new("--redundant") { Description = "Redundant experts of each layer; default: one for each device" };
    private static readonly Option<string?> Plan = new("--plan")
    {
        Description = "plan.json that the stream starts with; default: experts dealt out in order, before any traffic was seen",
    };
    private static readonly Option<string[]> Streams = CommonOptions.Named(new Option<string[]>("--stream")
    {
        Description = "Streams made of the traces: " + string.Join(", ", StreamPatterns.Names) + ", or recorded: their windows as they are",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. StreamPatterns.Names],
    }, [.. StreamPatterns.Names, Recorded]);
    private static readonly Option<string[]> Controllers = CommonOptions.Named(new Option<string[]>("--controller")
    {
        Description = "Controllers to compare, beside a plan that never changes",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. StreamingControllers.Names],
    }, StreamingControllers.Names);
    private static readonly Option<int> Segments = Number("--segments", "Segments of a stream", DefaultShape.Segments);
    private static readonly Option<int> Windows = Number("--windows", "Load windows of a segment", DefaultShape.Windows);
    private static readonly Option<int> Units = Number("--units", "Units of a window: the grain of mixtures", DefaultShape.Units);
    private static readonly Option<int> UnitTokens = Number("--unit-tokens",
        "Tokens of a unit: cuts per-token traces, and is drawn from traces with too few windows", 4096);
    private static readonly Option<int?> TopK = new("--top-k") { Description = "Experts that a token is sent to, for drawn units; default: from the config, else 1" };
    private static readonly Option<double> WindowSeconds = Number("--window-seconds", "Seconds that a window takes", 10.0);
    private static readonly Option<double> HalfLife = Number("--half-life", "Windows after which a load counts half (ema, hysteresis)", Defaults.HalfLife);
    private static readonly Option<double> Trigger = Number("--trigger", "Gain of device imbalance beyond chance that begins a change (hysteresis)", Defaults.Trigger);
    private static readonly Option<double> Release = Number("--release", "The same that a change goes on for (hysteresis)", Defaults.Release);
    private static readonly Option<double> MoveCost = Number("--move-cost", "Gain of a layer's imbalance that is worth moving all of its bytes (hysteresis)", Defaults.MoveCost);
    private static readonly Option<int> MaxMoves = Number("--max-moves", "Most experts moved by one swap (hysteresis)", Defaults.MaxMoves);
    private static readonly Option<double> MinInterval = Number("--min-interval", "Least seconds between swaps (hysteresis)", Defaults.MinInterval.TotalSeconds);
    private static readonly Option<double?> Dispersion = new("--dispersion")
    {
        Description = "Variance of windows over that of independent tokens (hysteresis); default: measured",
    };
    private static readonly Option<bool> FreePrecisions = new("--free-precisions") { Description = "Experts may change places with others of any precision" };
    private static readonly Option<ulong> Seed = Number("--seed", "Seed of what is drawn", 1UL);
    private static readonly Option<string?> Json = CommonOptions.Json();
    private static readonly Option<string?> Html = CommonOptions.Html();

    public static Command Create()
    {
        var command = new Command("stream", "Compares streaming controllers on traffic that changes: imbalance, experts and bytes moved")
        {
            Loads, Config, DenseLayers, Devices, Redundant, Plan, Streams, Controllers, Segments, Windows, Units, UnitTokens, TopK, WindowSeconds,
            HalfLife, Trigger, Release, MoveCost, MaxMoves, MinInterval, Dispersion, FreePrecisions, Seed, Json, Html,
        };
        command.Does(Run);
        return command;
    }

    private static bool Run(ParseResult parsed)
    {
        var config = CommonOptions.ReadConfig(parsed, Config);
        var loads = LoadInput.Read(parsed.GetValue(Loads)!,
            new ImportOptions { DenseLayers = parsed.GetValue(DenseLayers), TokensPerWindow = parsed.GetValue(UnitTokens) }, config);
        // Without the model's sizes bytes are counted in experts.
        var costs = config?.Costs ?? new ExpertCosts(Precision.Bf16, new Dictionary<Precision, long> { [Precision.Bf16] = 1 });
        var model = config?.Fingerprint ?? new ModelFingerprint("unknown", loads.MoeLayers, loads.Experts, parsed.GetValue(TopK) ?? 1, null);
        var first = parsed.GetValue(Plan) is { } path ? ReadPlan(path, model, costs) : StreamStart.Plan(model, costs, parsed.GetValue(Devices), parsed.GetValue(Redundant));
        var runs = MakeStreams(parsed, loads, model.TopK).SelectMany(stream => Serve(parsed, stream, first, costs)).ToArray();
        var output = parsed.InvocationConfiguration.Output;
        StreamReport.Print(runs, config is not null, output);
        if (parsed.GetValue(Json) is { } json)
            FigureJson.Write(json, writer => StreamReport.WriteJson(writer, runs, first.Devices, config is not null));
        if (parsed.GetValue(Html) is { } html)
            StreamReport.WriteHtml(html, runs, first, config is not null);
        return true;
    }

    private static Plan ReadPlan(string path, ModelFingerprint model, ExpertCosts costs)
    {
        var plan = PlanFile.Read(path);
        PlanValidator.CheckPrecisions(plan, costs, path);
        if (plan.Model.Experts != model.Experts || !plan.Model.MoeLayers.SequenceEqual(model.MoeLayers))
            throw new InvalidInputException(path, $"{plan.Model.MoeLayers.Count} MoE layers of {plan.Model.Experts} experts",
                $"{model.MoeLayers.Count} of {model.Experts}, as in the loads");
        return plan;
    }

    private static IEnumerable<LoadStream> MakeStreams(ParseResult parsed, LoadInput loads, int topK)
    {
        var shape = new StreamShape
        {
            Segments = parsed.GetValue(Segments),
            Windows = parsed.GetValue(Windows),
            Units = parsed.GetValue(Units),
            Seed = parsed.GetValue(Seed),
        };
        shape.Check();
        var names = parsed.GetValue(Streams)!.Distinct().ToArray();
        var units = names.All(name => name == Recorded) ? null
            : StreamTraffic.Units(loads.Traces, shape.Windows * shape.Units, parsed.GetValue(UnitTokens), topK, shape.Seed);
        var patterns = units is null ? null : new StreamPatterns([.. loads.Traces.Select(trace => trace.Name)], units, shape);
        return names.Select(name => name == Recorded ? StreamTraffic.Recorded(loads.Traces) : patterns!.Build(name));
    }

    private static IEnumerable<StreamRun> Serve(ParseResult parsed, LoadStream stream, Plan first, ExpertCosts costs)
    {
        var options = new StreamingOptions
        {
            HalfLife = parsed.GetValue(HalfLife),
            Trigger = parsed.GetValue(Trigger),
            Release = parsed.GetValue(Release),
            MoveCost = parsed.GetValue(MoveCost),
            MaxMoves = parsed.GetValue(MaxMoves),
            MinInterval = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(MinInterval), -1, 1e6)),
            Dispersion = parsed.GetValue(Dispersion),
            KeepPrecisions = !parsed.GetValue(FreePrecisions),
        };
        if (!(parsed.GetValue(WindowSeconds) is >= 0 and <= 86400))
            throw new InvalidInputException("--window-seconds", FormattableString.Invariant($"{parsed.GetValue(WindowSeconds)}"), "0 to 86400");
        foreach (var name in parsed.GetValue(Controllers)!.Distinct().Prepend(StreamRun.None))
        {
            var clock = new StreamClock();
            var controller = name == StreamRun.None ? null : StreamingControllers.Create(name, first, costs, options, clock);
            yield return StreamRun.Serve(stream, controller, first, clock, TimeSpan.FromSeconds(parsed.GetValue(WindowSeconds)));
        }
    }

    private static Option<T> Number<T>(string name, string description, T value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };
}
