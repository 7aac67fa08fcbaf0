using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Formats;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;

namespace Counterweight.Planner.Verbs;

/// <summary><c>export</c>: the file that an engine loads.</summary>
internal static class ExportVerb
{
    private const string KTransformers = "ktransformers";

    private static readonly Argument<string?> Plan = new("PLAN")
    {
        Description = "plan.json or the file of another engine; not needed for ktransformers",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private static readonly Option<string?> Engine = CommonOptions.Named(
        new Option<string?>("--engine") { Description = $"Engine to write for: {string.Join(", ", EnginePlanFormats.Names)}, {KTransformers}" }, [.. EnginePlanFormats.Names, KTransformers]);
    private static readonly Option<string?> Quantization = CommonOptions.Named(
        new Option<string?>("--quantization") { Description = "Write the precisions of the layers instead: " + string.Join(", ", MixedPrecisionConfigs.Names) }, MixedPrecisionConfigs.Names);
    private static readonly Option<string?> From = CommonOptions.Named(new Option<string?>("--from") { Description = "Engine whose format PLAN has; default: told by content" }, EnginePlanFormats.Names);
    private static readonly Option<int?> Devices = CommonOptions.Devices();
    private static readonly Option<string?> Config = CommonOptions.Config();
    private static readonly Option<int?> HiddenLayers = new("--hidden-layers")
    {
        Description = "Decoder layers of the model; default: from --config, else up to the last MoE layer",
    };
    private static readonly Option<int?> MtpLayers = new("--mtp-layers")
    {
        Description = "Multi-token prediction layers; default: from --config, else 0",
    };
    private static readonly Option<string[]> Loads = CommonOptions.Loads(required: false);
    private static readonly Option<string> Out = new("--out", "-o") { Description = "File to write", Required = true };

    public static Command Create()
    {
        var command = new Command("export", "Writes the plan file of an engine, after checking what the engine would choke on")
        {
            Plan, Engine, Quantization, From, Devices, Config, HiddenLayers, MtpLayers, Loads, Out,
        };
        command.Does(Run);
        return command;
    }

    private static bool Run(ParseResult parsed)
    {
        var (engine, quantization, file) = (parsed.GetValue(Engine), parsed.GetValue(Quantization), parsed.GetValue(Out)!);
        if (engine is null == quantization is null)
            throw new InvalidInputException("--engine and --quantization", engine is null ? "neither" : "both", "one of them");
        var config = CommonOptions.ReadConfig(parsed, Config);
        if (engine == KTransformers)
            WriteCounts(parsed, config, file);
        else
        {
            var path = parsed.GetValue(Plan) ?? throw new InvalidInputException("--engine", "no PLAN", "the plan to export");
            var plan = new PlanSource(parsed.GetValue(From), parsed.GetValue(Devices), config).Read(path, out var own);
            if (quantization is not null)
                WriteQuantization(quantization, own, path, file);
            else
                WritePlan(parsed, EnginePlanFormats.Of(engine!), plan, own, config, file);
        }
        parsed.InvocationConfiguration.Output.WriteLine($"Written to {file}");
        return true;
    }

    private static void WritePlan(ParseResult parsed, IEnginePlanFormat format, EnginePlan plan, Plan? own, EngineModelConfig? config, string file)
    {
        var target = new EngineTarget
        {
            Devices = plan.Devices,
            MoeLayers = plan.MoeLayers,
            HiddenLayers = parsed.GetValue(HiddenLayers) ?? config?.HiddenLayers,
            MtpLayers = parsed.GetValue(MtpLayers) ?? config?.MtpLayers ?? 0,
        };
        AtomicFile.Write(file, stream => format.Write(plan, target, stream));
        foreach (var finding in format.Check(plan, target).Where(finding => !finding.IsError))
            parsed.InvocationConfiguration.Error.WriteLine("warning: " + finding.Sentence);
        if (own?.Layers.FirstOrDefault(layer => layer.Slots.Select(slot => slot.Precision).Distinct().Count() > 1) is { } mixed)
            parsed.InvocationConfiguration.Error.WriteLine($"warning: Layer {mixed.Layer} has experts of several precisions, which {format.Name} can't load: the file holds the placement only.");
    }

    private static void WriteQuantization(string format, Plan? own, string path, string file)
    {
        if (own is null)
            throw new InvalidInputException(path, "a plan without precisions", "plan.json");
        var layers = MixedPrecisionConfigs.LayersOf(own, path);
        AtomicFile.Write(file, stream => MixedPrecisionConfigs.Write(format, layers, stream));
    }

    private static void WriteCounts(ParseResult parsed, EngineModelConfig? config, string file)
    {
        if (parsed.GetValue(Loads) is not { Length: > 0 } files)
            throw new InvalidInputException("--loads", "nothing", $"recorded loads: {KTransformers} places by counts and takes no plan");
        if (!file.EndsWith(".pt", StringComparison.Ordinal))
            throw new InvalidInputException("--out", file, $"a name that ends in .pt, or {KTransformers} does not read it");
        var loads = LoadInput.Read(files, new ImportOptions(), config);
        var layers = parsed.GetValue(HiddenLayers) ?? config?.HiddenLayers ?? loads.MoeLayers[^1] + 1;
        AtomicFile.Write(file, stream => KTransformersCounts.Write(ExpertLoads.Sum(loads.Totals), loads.MoeLayers, layers, stream));
    }
}
