using System.CommandLine;
using System.CommandLine.Parsing;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Cli.Verbs;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    public static Argument<string> Model() => new("MODEL") { Description = "Folder of the model: config.json, model.safetensors (or shards with an index), tokenizer.json; or a GGUF file, of several the first" };

    public static Option<string?> Plan() => new("--plan") { Description = "Plan to load the experts by; default: the folder's own plan.json, else the checkpoint as it is" };

    /// <summary>Whether threads are pinned.</summary>
    public static Option<bool> Pin() => new("--pin") { Description = "Keeps each thread on a processor of its own; helps where nothing else runs" };

    public static Option<int?> Threads() => Ranged(new Option<int?>("--threads") { Description = "Threads, 1 to 1024; default: one for each core" }, 1, 1024);

    public static Option<string?> Kernels()
    {
        var option = new Option<string?>("--kernels") { Description = $"Kernel variant: {string.Join(", ", MatMulKernelFactory.Available)}; default: the fastest, or what {MatMulKernelFactory.ForceVariable} says" };
        option.AcceptOnlyFromAmong([.. MatMulKernelFactory.Available]);
        return option;
    }

    public static Option<ComputeMode> Compute(ComputeMode byDefault) => new("--compute")
    {
        Description = "What activations are when they meet weights: exact (fp32, weights widened), fast (int8 with a scale for each 32 of them where weights are int8 or int4) or fastest (also bf16 where weights are, if the processor multiplies it)",
        DefaultValueFactory = _ => byDefault,
        CustomParser = ParseCompute,
    };

    public static Option<string> Split()
    {
        var option = new Option<string>("--split") { Description = $"How tokens are split over copies: {string.Join(", ", SplitPolicies.Names)}", DefaultValueFactory = _ => "by-gate" };
        option.AcceptOnlyFromAmong([.. SplitPolicies.Names]);
        return option;
    }

    public static Option<string[]> Texts(string name, string description) => new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    public static Option<string?> TaskData() => new("--task-data")
    {
        Description = $"Folder of the public benchmarks in their original form; default: what {ProjectFiles.TaskDataVariable} says, else shared/data/benchmarks above the working folder",
    };

    public static Option<ulong> Seed() => new("--seed") { Description = "Seed of everything random", DefaultValueFactory = _ => 1 };

    public static Option<string?> Json() => new("--json") { Description = "Writes the same figures as one JSON document to this file" };

    public static Option<Precision[]?> Precisions() => new("--precisions")
    {
        Description = $"Precisions of copies, separated by commas: {string.Join(", ", PrecisionNames.All)}; default: the policy's own",
        CustomParser = ParsePrecisions,
    };

    /// <summary>A number option that refuses values outside its range.</summary>
    public static Option<int?> Ranged(Option<int?> option, int min, int max)
    {
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is { } value && (value < min || value > max))
                result.AddError($"{option.Name}: found {value}, expected {min} to {max}");
        });
        return option;
    }

    /// <summary>An option that takes whole numbers of 1 or more.</summary>
    public static Option<int[]> Numbers(string name, string description, int[]? defaults)
    {
        var option = new Option<int[]>(name) { Description = description, AllowMultipleArgumentsPerToken = true };
        if (defaults is not null)
            option.DefaultValueFactory = _ => defaults;
        option.Validators.Add(result =>
        {
            foreach (var value in result.GetValueOrDefault<int[]>()?.Where(value => value < 1) ?? [])
                result.AddError($"{name}: found {value}, expected 1 or more");
        });
        return option;
    }

    /// <summary>The values of an option, or null where it was not given.</summary>
    public static string[]? Given(ParseResult parsed, Option<string[]> option) => parsed.GetValue(option) is { Length: > 0 } values ? values : null;

    /// <summary>Names that are given apart or with commas between them.</summary>
    public static string[] Names(string[] values) => [.. values.SelectMany(names => names.Split(',', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>Refuses a JSON file that could not be written, before any work is done.</summary>
    public static void CheckJson(ParseResult parsed, Option<string?> json)
    {
        if (parsed.GetValue(json) is { } file)
            AtomicFile.CheckWritable(file);
    }

    /// <summary>How the common options say a model is to be opened; without an option for it activations stay fp32.</summary>
    public static LoadOptions Load(ParseResult parsed, Option<string?>? plan, Option<int?> threads, Option<string?> kernels, Option<ComputeMode>? compute, Option<string> split) => new()
    {
        PlanFile = plan is null ? null : parsed.GetValue(plan),
        Threads = parsed.GetValue(threads),
        Kernels = parsed.GetValue(kernels),
        Compute = compute is null ? ComputeMode.Exact : parsed.GetValue(compute),
        Split = parsed.GetValue(split)!,
    };

    /// <summary>Option values <c>name=value</c> as a dictionary.</summary>
    public static IReadOnlyDictionary<string, string> Pairs(string option, string[] values)
    {
        var pairs = new Dictionary<string, string>();
        foreach (var value in values)
        {
            var parts = value.Split('=', 2);
            if (parts.Length < 2 || !pairs.TryAdd(parts[0], parts[1]))
                throw new InvalidInputException(option, $"\"{value}\"", "name=value, each name once");
        }
        return pairs;
    }

    private static ComputeMode ParseCompute(ArgumentResult result)
    {
        var name = result.Tokens.Single().Value;
        if (name is not ("exact" or "fast" or "fastest"))
            result.AddError($"--compute: found \"{name}\", expected exact, fast or fastest");
        return name switch { "exact" => ComputeMode.Exact, "fast" => ComputeMode.Fast, _ => ComputeMode.Fastest };
    }

    private static Precision[]? ParsePrecisions(ArgumentResult result)
    {
        var precisions = new List<Precision>();
        foreach (var name in result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (!PrecisionNames.TryParse(name, out var precision))
                result.AddError($"--precisions: found \"{name}\", expected some of {string.Join(", ", PrecisionNames.All)}");
            precisions.Add(precision);
        }
        return precisions.Count > 0 ? [.. precisions] : null;
    }
}
