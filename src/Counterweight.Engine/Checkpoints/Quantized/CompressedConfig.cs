using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>The <c>quantization_config</c> of compressed-tensors.</summary>
internal static class CompressedConfig
{
    private const string Mixed = "mixed-precision";

    private static readonly (string Name, CompressedForm Form)[] Forms =
        [("pack-quantized", CompressedForm.PackedIntegers), ("int-quantized", CompressedForm.SignedBytes), ("float-quantized", CompressedForm.Floats), ("nvfp4-pack-quantized", CompressedForm.SmallFloats)];

    /// <summary>The quantized matrices.</summary>
    public static CombinedTensors Read(ConfigReader settings, TensorSource tensors)
    {
        var groups = settings.OptionalObject("config_groups")?.Objects() ?? [];
        if (groups.Count == 0)
            throw settings.Refuse("config_groups", "an object of at least one group");
        CompressedScheme[] schemes = [.. groups.Select(group => Scheme(group.Settings, settings))];
        // What others do with activations and caches: here they stay in floating point.
        foreach (var key in (string[])["kv_cache_scheme", "quantization_status", "global_compression_ratio", "version"])
            settings.Ignore(key);
        if (settings.OptionalObject("sparsity_config")?.String("format", "dense") is { } sparse && sparse != "dense")
            throw settings.Refuse("sparsity_config", "\"format\": \"dense\"");
        if (settings.OptionalObject("transform_config")?.Objects() is [_, ..])
            throw settings.Refuse("transform_config", "none");
        var stored = new CombinedTensors(
            new Fp8Tensors(tensors, [".weight_scale"], module => SchemeOf(module)?.Block, module => SchemeOf(module)?.Form == CompressedForm.Floats),
            new CombinedTensors(
                new Nvfp4Tensors(tensors, Nvfp4Names.Compressed, module => SchemeOf(module)?.Form == CompressedForm.SmallFloats), new CompressedTensors(tensors, SchemeOf)));
        CheckIgnored(settings, stored);
        return stored;

        CompressedScheme? SchemeOf(string module) => Array.Find(schemes, scheme => scheme.Names(module)) ?? Array.Find(schemes, scheme => scheme.IsForAll);
    }

    private static CompressedScheme Scheme(ConfigReader group, ConfigReader all)
    {
        var form = FormOf(group, all);
        group.Ignore("input_activations");
        group.Ignore("output_activations");
        var weights = group.OptionalObject("weights") ?? throw group.Refuse("weights", "how weights are stored");
        foreach (var key in (string[])["observer", "observer_kwargs", "scale_dtype", "zp_dtype"])
            weights.Ignore(key);
        if (weights.Bool("dynamic", false))
            throw weights.Refuse("dynamic", "false");
        var type = form is CompressedForm.Floats or CompressedForm.SmallFloats ? "float" : "int";
        if (weights.String("type", "int") != type)
            throw weights.Refuse("type", $"\"{type}\"");
        var order = weights.String("actorder", "none");
        if (order is not ("none" or "weight" or "static" or "group" or "dynamic"))
            throw weights.Refuse("actorder", "null, \"weight\", \"static\", \"group\" or \"dynamic\"");
        return new CompressedScheme(
            form, BitsOf(weights, form), GroupSizeOf(weights, form), weights.Bool("symmetric", true), order is "group" or "dynamic", BlockOf(weights, form), group.StringList("targets"));
    }

    private static CompressedForm FormOf(ConfigReader group, ConfigReader all)
    {
        var settings = group.Has("format") ? group : all;
        var name = settings.String("format", Forms[0].Name);
        return Array.FindIndex(Forms, form => form.Name == name) is >= 0 and var index
            ? Forms[index].Form
            : throw settings.Refuse("format", string.Join(" or ", Forms.Select(form => $"\"{form.Name}\"")) + (name == Mixed ? $" of each group beside \"{Mixed}\"" : ""));
    }

    private static int BitsOf(ConfigReader weights, CompressedForm form) => (form, weights.Int("num_bits", 1, 16)) switch
    {
        (CompressedForm.PackedIntegers, var bits and (2 or 4 or 8)) => bits,
        (CompressedForm.PackedIntegers, _) => throw weights.Refuse("num_bits", "2, 4 or 8"),
        (CompressedForm.SmallFloats, 4) => 4,
        (CompressedForm.SmallFloats, _) => throw weights.Refuse("num_bits", "4"),
        (_, 8) => 8,
        _ => throw weights.Refuse("num_bits", "8"),
    };

    private static int GroupSizeOf(ConfigReader weights, CompressedForm form)
    {
        // −1 stands for whole rows.
        var size = weights.Int("group_size", -1, 1 << 20, -1);
        var strategy = weights.String("strategy", size > 0 ? "group" : "channel");
        return (form, strategy) switch
        {
            (CompressedForm.Floats, "tensor" or "channel" or "block") => 0,
            (CompressedForm.Floats, _) => throw weights.Refuse("strategy", "\"tensor\", \"channel\" or \"block\""),
            (CompressedForm.SmallFloats, "tensor_group") when size == Nvfp4Format.BlockInputs => size,
            (CompressedForm.SmallFloats, _) => throw weights.Refuse("strategy", $"\"tensor_group\" with a group_size of {Nvfp4Format.BlockInputs}"),
            (_, "channel") => 0,
            (_, "group") when size > 0 => size,
            (_, "group") => throw weights.Refuse("group_size", "the inputs of a group"),
            _ => throw weights.Refuse("strategy", "\"group\" or \"channel\""),
        };
    }

    private static (int, int)? BlockOf(ConfigReader weights, CompressedForm form)
    {
        var block = weights.IntList("block_structure", 1, 1 << 20, []);
        if (form != CompressedForm.Floats || weights.String("strategy", "") != "block")
            return null;
        return block is [var rows, var columns] ? (rows, columns) : throw weights.Refuse("block_structure", "rows and columns of a block");
    }

    private static void CheckIgnored(ConfigReader settings, CombinedTensors stored)
    {
        foreach (var module in settings.StringList("ignore", []))
            if (stored.TensorsOf($"{module}.weight") is [var part, ..])
                throw settings.Refuse("ignore", $"modules that are not quantized, which {InputText.Quoted(module)} is: it has {part}");
    }
}
