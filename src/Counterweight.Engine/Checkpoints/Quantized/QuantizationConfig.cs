using System.Text.RegularExpressions;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// What <c>quantization_config</c> in a <c>config.json</c> says of the tensors, by method. Keys that are not known are refused by name: one that changes what
/// codes mean must not pass.
/// </summary>
internal static class QuantizationConfig
{
    /// <summary>Its names in configs.</summary>
    public static IReadOnlyList<string> Keys { get; } = ["quantization_config", "compression_config"];

    private static readonly string[] Methods = ["fp8", "mxfp4", "gptq", "awq", "compressed-tensors", "modelopt"];

    /// <summary>The checkpoint's quantized matrices; null where the config has none.</summary>
    /// <exception cref="InvalidInputException">The method or one of its settings is not known.</exception>
    public static IStoredTensors? Read(ConfigReader config, TensorSource tensors)
    {
        if (config.OptionalObject([.. Keys]) is not { } settings)
            return null;
        IStoredTensors stored = settings.String("quant_method") switch
        {
            "fp8" => Fp8(settings, tensors),
            "mxfp4" => Mxfp4(settings, tensors),
            "gptq" => Gptq(settings, tensors),
            "awq" => Awq(settings, tensors),
            "compressed-tensors" => CompressedConfig.Read(settings, tensors),
            "modelopt" => ModelOptimizer(settings, tensors),
            _ => throw settings.Refuse("quant_method", $"one of {string.Join(", ", Methods)}"),
        };
        if (settings.UnknownKeys() is [var unknown, ..])
            throw new InvalidInputException($"{settings.File}, key {unknown}", "a setting that is not known", "none that could change what the codes mean");
        return stored;
    }

    /// <summary>Lists of what is left as it was: which tensors a module has shows that as well, so no list may name one that is quantized.</summary>
    private static void CheckSkipped(ConfigReader settings, IStoredTensors stored, params string[] keys)
    {
        foreach (var key in keys)
            foreach (var module in settings.StringList(key, []))
                if (stored.TensorsOf($"{module}.weight") is [_, ..] parts)
                    throw settings.Refuse(key, $"modules that are not quantized, which {InputText.Quoted(module)} is: it has {parts[0]}");
    }

    private static Fp8Tensors Fp8(ConfigReader settings, TensorSource tensors)
    {
        Require(settings, "fmt", "e4m3", "e5m2");
        // Activations stay in floating point here, which is what these would be an approximation of.
        Require(settings, "activation_scheme", "dynamic", "static");
        Require(settings, "scale_fmt", "ue8m0", "float");
        var block = settings.IntList("weight_block_size", 1, 1 << 20, []);
        if (block.Length is not (0 or 2))
            throw settings.Refuse("weight_block_size", "rows and columns of a block");
        var stored = new Fp8Tensors(tensors, [".weight_scale_inv", ".weight_scale"], _ => block is [var rows, var columns] ? (rows, columns) : null, _ => true);
        CheckSkipped(settings, stored, "modules_to_not_convert", "ignored_layers");
        return stored;
    }

    /// <summary>TensorRT Model Optimizer: the algorithm says all that its groups say again.</summary>
    private static LinearTensors ModelOptimizer(ConfigReader settings, TensorSource tensors)
    {
        foreach (var key in (string[])["config_groups", "group_size", "kv_cache_scheme", "kv_cache_quant_algo", "producer"])
            settings.Ignore(key);
        LinearTensors stored = settings.String("quant_algo") switch
        {
            "FP8" => new Fp8Tensors(tensors, [".weight_scale"], _ => null, _ => true),
            "NVFP4" => new Nvfp4Tensors(tensors, Nvfp4Names.ModelOptimizer, _ => true),
            _ => throw settings.Refuse("quant_algo", "\"FP8\" or \"NVFP4\""),
        };
        CheckSkipped(settings, stored, "ignore", "exclude_modules");
        return stored;
    }

    private static Mxfp4Tensors Mxfp4(ConfigReader settings, TensorSource tensors)
    {
        settings.StringList("modules_to_not_convert", []);
        return new Mxfp4Tensors(tensors);
    }

    private static GptqTensors Gptq(ConfigReader settings, TensorSource tensors)
    {
        var version = settings.String(["checkpoint_format", "format"], "gptq");
        if (version is not ("gptq" or "gptq_v2"))
            throw settings.Refuse(settings.Has("checkpoint_format") ? "checkpoint_format" : "format", "\"gptq\" or \"gptq_v2\"");
        Require(settings, "pack_dtype", "int32");
        if (settings.Bool("is_marlin_format", false))
            throw settings.Refuse("is_marlin_format", "false: the order of GPTQ itself");
        var scheme = GptqScheme(settings, null);
        var exceptions = new List<(Regex Pattern, GptqScheme Scheme)>();
        foreach (var rule in settings.OptionalObject("dynamic")?.Objects() ?? [])
            if (!rule.Name.StartsWith('-'))
                exceptions.Add((ModulePattern.Of(rule.Name.StartsWith("+:", StringComparison.Ordinal) ? rule.Name[2..] : rule.Name), GptqScheme(rule.Settings, scheme)));
        IgnoreGptq(settings);
        var stored = new GptqTensors(tensors, module => exceptions.Find(rule => rule.Pattern.IsMatch(module)).Scheme ?? scheme, version == "gptq" ? 1 : 0);
        CheckSkipped(settings, stored, "modules_to_not_convert");
        return stored;
    }

    private static GptqScheme GptqScheme(ConfigReader settings, GptqScheme? fallback) => new(
        Bits(settings, fallback?.Bits),
        GroupSize(settings, "group_size", fallback?.GroupSize),
        settings.Bool("desc_act", fallback?.ActOrder ?? false));

    // What the quantizer was told, and what shows in the tensors themselves.
    private static void IgnoreGptq(ConfigReader settings)
    {
        foreach (var key in (string[])[
            "sym", "true_sequential", "static_groups", "damp_percent", "damp_auto_increment", "mse", "lm_head", "model_name_or_path", "model_file_base_name", "meta",
            "quantizer", "dataset", "tokenizer", "batch_size", "block_name_to_quantize", "module_name_preceding_first_block", "modules_in_block_to_quantize",
            "inside_layer_modules", "model_seqlen", "pad_token_id", "use_cuda_fp16", "use_exllama", "disable_exllama", "exllama_config", "max_input_length",
            "cache_block_outputs", "backend", "act_group_aware", "hyb_act", "parallel_packing", "offload_to_disk", "offload_to_disk_path", "pack_impl"])
            settings.Ignore(key);
    }

    private static AwqTensors Awq(ConfigReader settings, TensorSource tensors)
    {
        if (settings.Int(["bits", "w_bit"], 1, 16) != 4)
            throw settings.Refuse(settings.Has("bits") ? "bits" : "w_bit", "4");
        if (!settings.String("version", "gemm").Equals("gemm", StringComparison.OrdinalIgnoreCase))
            throw settings.Refuse("version", "\"gemm\"");
        if (!settings.Bool("zero_point", true))
            throw settings.Refuse("zero_point", "true");
        foreach (var key in (string[])["backend", "do_fuse", "fuse_max_seq_len", "modules_to_fuse", "exllama_config", "desc_act"])
            settings.Ignore(key);
        var stored = new AwqTensors(tensors, GroupSize(settings, settings.Has("group_size") ? "group_size" : "q_group_size", null));
        CheckSkipped(settings, stored, "modules_to_not_convert");
        return stored;
    }

    private static int Bits(ConfigReader settings, int? fallback) => settings.Int("bits", 1, 16, fallback) is var bits and (2 or 3 or 4 or 8)
        ? bits
        : throw settings.Refuse("bits", "2, 3, 4 or 8");

    // −1 stands for whole rows.
    private static int GroupSize(ConfigReader settings, string key, int? fallback)
    {
        var size = settings.Int(key, -1, 1 << 20, fallback);
        return size is -1 ? 0 : size > 0 || fallback == 0 ? size : throw settings.Refuse(key, "-1 or the inputs of a group");
    }

    private static void Require(ConfigReader settings, string key, params string[] values)
    {
        if (!values.Contains(settings.String(key, values[0])))
            throw settings.Refuse(key, $"one of {string.Join(", ", values)}");
    }
}
