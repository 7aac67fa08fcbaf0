using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Formats;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;

namespace Counterweight.Planner;

/// <summary>Recorded loads of one or more files, all of one model.</summary>
/// <param name="Traces">The traces, by name.</param>
/// <param name="MoeLayers">Layer numbers.</param>
internal sealed record LoadInput(IReadOnlyList<LoadTrace> Traces, IReadOnlyList<int> MoeLayers)
{
    public int Experts => Traces[0].Total.Experts;

    public IReadOnlyList<ExpertLoads> Totals => [.. Traces.Select(trace => trace.Total)];

    public static LoadInput Read(IReadOnlyList<string> files, ImportOptions options, EngineModelConfig? config)
    {
        options = options with { DenseLayers = options.DenseLayers ?? config?.MoeLayers[0], Experts = options.Experts ?? config?.Experts };
        var traces = new List<LoadTrace>();
        IReadOnlyList<int>? layers = null;
        foreach (var file in files)
            foreach (var loads in LoadsImport.Read(file, options))
            {
                layers ??= loads.MoeLayers;
                var total = loads.Trace.Total;
                if (!layers.SequenceEqual(loads.MoeLayers) || (traces.Count > 0 && total.Experts != traces[0].Total.Experts))
                    throw new InvalidInputException(file,
                        $"layers {loads.MoeLayers[0]} to {loads.MoeLayers[^1]} of {total.Experts} experts",
                        $"layers {layers[0]} to {layers[^1]} of {traces[0].Total.Experts} experts, as in {files[0]}");
                traces.Add(loads.Trace);
            }
        if (config is not null && (!config.MoeLayers.SequenceEqual(layers!) || config.Experts != traces[0].Total.Experts))
            throw new InvalidInputException(files[0], $"layers {layers![0]} to {layers[^1]} of {traces[0].Total.Experts} experts",
                $"layers {config.MoeLayers[0]} to {config.MoeLayers[^1]} of {config.Experts} experts, as in the model's config");
        return new LoadInput(traces, layers!);
    }
}

/// <summary>How a plan file is to be read where it does not say so itself.</summary>
/// <param name="Engine">The engine whose format it has; null tells by content.</param>
/// <param name="Devices">Devices, for formats that hold slots only.</param>
/// <param name="Config">The model's config.</param>
internal sealed record PlanSource(string? Engine, int? Devices, EngineModelConfig? Config)
{
    public EngineTarget Target => new()
    {
        Devices = Devices ?? 1,
        MoeLayers = Config?.MoeLayers,
        HiddenLayers = Config?.HiddenLayers,
        MtpLayers = Config?.MtpLayers ?? 0,
    };

    /// <summary>Reads a plan of this project (then <paramref name="own"/> is set) or of an engine.</summary>
    public EnginePlan Read(string path, out Plan? own)
    {
        own = null;
        var bytes = ReadBytes(path);
        var engine = Engine ?? EngineOf(bytes);
        if (engine is null)
        {
            own = PlanFile.Read(new MemoryStream(bytes), path);
            return EnginePlan.From(own, path);
        }
        if (Devices is null && engine is not ("vllm-ascend" or "omni-infer"))
            throw new InvalidInputException("--devices", "nothing", $"the number of devices: {engine} files do not hold it");
        return EnginePlanFormats.Of(engine).Read(bytes, path, Target);
    }

    // By the key or sign that each format starts with; null for plan.json.
    private static string? EngineOf(byte[] bytes)
    {
        var start = System.Text.Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 4096)).TrimStart();
        return bytes is [0x93, ..] ? "omni-infer" :
            start.StartsWith('[') ? "vllm" :
            !start.StartsWith('{') ? "tensorrt-llm" :
            start.Contains("\"physical_to_logical_map\"", StringComparison.Ordinal) ? "sglang" :
            start.Contains("\"moe_layer_count\"", StringComparison.Ordinal) ? "vllm-ascend" : null;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, e.Message, "a readable plan", e);
        }
    }
}

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    public static Option<string[]> Loads(bool required) => new("--loads")
    {
        Description = "Recorded loads: CSV, JSON, .npy, .npz, SGLang .pt, TensorRT-LLM folder, vLLM JSONL, imatrix GGUF, loads.json",
        AllowMultipleArgumentsPerToken = true,
        Required = required,
    };

    public static Option<string?> Config() =>
        new("--config") { Description = "config.json of the model: layers, experts, sizes, precision" };

    public static Option<int?> DenseLayers() =>
        new("--dense-layers") { Description = "Dense layers before the first MoE layer; default: recognised" };

    public static Option<int?> Devices() => new("--devices") { Description = "Number of devices (ranks of expert parallelism)" };

    public static Option<int?> DevicesPerNode() =>
        new("--devices-per-node") { Description = "Devices that share a fast link; default: all" };

    public static Option<string?> Engine() =>
        Named(new Option<string?>("--engine")
        {
            Description = "Engine whose format a plan has: "
        + string.Join(", ", EnginePlanFormats.Names)
        }, EnginePlanFormats.Names);

    public static Option<string?> Json() => new("--json") { Description = "Writes the same figures as one JSON document to this file" };

    public static Option<string?> Html() => new("--html") { Description = "Writes a report with pictures to this file" };

    public static Option<T> Named<T>(Option<T> option, IEnumerable<string> names)
    {
        option.AcceptOnlyFromAmong([.. names]);
        return option;
    }

    public static EngineModelConfig? ReadConfig(ParseResult parsed, Option<string?> config) =>
        parsed.GetValue(config) is { } path ? EngineModelConfig.Read(path) : null;

    public static ClusterTopology Topology(int devices, int? devicesPerNode)
    {
        var topology = new ClusterTopology(devices, devicesPerNode ?? devices);
        topology.Check();
        return topology;
    }
}
