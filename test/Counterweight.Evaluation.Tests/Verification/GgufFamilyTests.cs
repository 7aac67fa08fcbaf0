using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Families without a converted reference file: the reference folder, written as llama.cpp's converter writes it, gives the same logits.</summary>
public sealed partial class GgufFamilyTests
{
    private static readonly (string Pattern, string Name)[] Names =
    [
        ("^model.embed_tokens.weight$", "token_embd.weight"),
        ("^model.norm.", "output_norm."),
        ("^model.embedding_norm.", "token_embd_norm."),
        ("^lm_head.", "output."),
        (@"^model.layers.(\d+).(input_layernorm|operator_norm).", "blk.$1.attn_norm."),
        (@"^model.layers.(\d+).(post_attention_layernorm|ffn_norm).", "blk.$1.ffn_norm."),
        (@"^model.layers.(\d+).self_attn.([qkv])_proj.", "blk.$1.attn_$2."),
        (@"^model.layers.(\d+).self_attn.(o_proj|out_proj).", "blk.$1.attn_output."),
        (@"^model.layers.(\d+).self_attn.(q_norm|query_layernorm|q_layernorm).", "blk.$1.attn_q_norm."),
        (@"^model.layers.(\d+).self_attn.(k_norm|key_layernorm|k_layernorm).", "blk.$1.attn_k_norm."),
        (@"^model.layers.(\d+).(block_sparse_moe.gate|mlp.gate|mlp.gate.wg|feed_forward.gate|feed_forward.router|block_sparse_moe.router.layer).weight$", "blk.$1.ffn_gate_inp.weight"),
        (@"^model.layers.(\d+).*(e_score_correction_bias|expert_bias)$", "blk.$1.exp_probs_b.bias"),
        (@"^model.layers.(\d+).shared_mlp.output_linear.weight$", "blk.$1.ffn_down_shexp.weight"),
        (@"^model.layers.(\d+).conv.(conv|in_proj|out_proj).", "blk.$1.shortconv.$2."),
        (@"^model.layers.(\d+).(mlp|feed_forward).(gate_proj|w1).weight$", "blk.$1.ffn_gate.weight"),
        (@"^model.layers.(\d+).(mlp|feed_forward).(up_proj|w3).weight$", "blk.$1.ffn_up.weight"),
        (@"^model.layers.(\d+).(mlp|feed_forward).(down_proj|w2).weight$", "blk.$1.ffn_down.weight"),
        (@"^model.layers.(\d+).*(shared_mlp|shared_experts|shared_expert).(gate|up|down)_proj.weight$", "blk.$1.ffn_$3_shexp.weight"),
    ];

    [Theory]
    [InlineData("phimoe", "phimoe")]
    [InlineData("hunyuan_v1_moe", "hunyuan-moe")]
    [InlineData("exaone_moe", "exaone-moe")]
    [InlineData("minimax_m2", "minimax-m2")]
    [InlineData("lfm2_moe", "lfm2moe")]
    [InlineData("granitemoeshared", "granitemoe")]
    [InlineData("llama4_text", "llama4")]
    public void Written_as_the_converter_does_it_is_the_same_model(string folder, string architecture)
    {
        using var data = new TemporaryData();
        var original = Original(folder, data);
        var file = Convert(original, architecture, Path.Combine(data.Root, "model.gguf"));
        Assert.Equal(Logits(original), Logits(file));
    }

    /// <summary>The reference folder; of Llama 4 with the settings that the metadata has no keys for.</summary>
    private static string Original(string folder, TemporaryData data)
    {
        var reference = GoldenFiles.Shared("goldens", "models", folder);
        var copy = Directory.CreateDirectory(Path.Combine(data.Root, "original")).FullName;
        File.Copy(Path.Combine(reference, "model.safetensors"), Path.Combine(copy, "model.safetensors"));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(reference, "config.json")))!.AsObject();
        if (folder == "llama4_text")
        {
            foreach (var key in new[] { "attention_chunk_size", "floor_scale", "attn_scale", "attn_temperature_tuning" })
                config.Remove(key);
            config["rope_scaling"] = null;
        }
        File.WriteAllText(Path.Combine(copy, "config.json"), config.ToJsonString());
        return copy;
    }

    private static string Convert(string folder, string architecture, string path)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        using var checkpoint = Checkpoint.Open(folder);
        var builder = new GgufBuilder(architecture);
        AddKeys(builder, architecture, config);
        foreach (var name in checkpoint.TensorNames.Where(name => !IsExpert(name)))
            AddTensor(builder, checkpoint.Get(name), architecture, config);
        for (var layer = 0; layer < Number(config, "num_hidden_layers"); layer++)
            AddExperts(builder, checkpoint, layer);
        return builder.Write(path);
    }

    private static bool IsExpert(string name) => name.Contains(".experts.", StringComparison.Ordinal) || (name.Contains("block_sparse_moe.", StringComparison.Ordinal) && name.Contains("put_linear", StringComparison.Ordinal));

    private static int Number(JsonObject config, params string[] names) =>
        names.Select(name => config[name]).OfType<JsonValue>().FirstOrDefault() is { } value ? (int)value.GetValue<double>() : 0;

    private static void AddKeys(GgufBuilder builder, string architecture, JsonObject config)
    {
        var (hidden, heads, keyHeads) = (Number(config, "hidden_size"), Number(config, "num_attention_heads"), Number(config, "num_key_value_heads"));
        var headDim = config["head_dim"] is JsonValue given ? (int)given.GetValue<double>() : hidden / heads;
        void Add(string key, object? value)
        {
            if (value is not null)
                builder.Add($"{architecture}.{key}", value);
        }
        Add("block_count", (uint)Number(config, "num_hidden_layers"));
        Add("context_length", (uint)Number(config, "max_position_embeddings"));
        Add("embedding_length", (uint)hidden);
        Add("feed_forward_length", (uint)Number(config, "intermediate_size_mlp", "intermediate_size"));
        Add("expert_feed_forward_length", (uint)Number(config, architecture == "llama4" ? "intermediate_size" : "moe_intermediate_size", "intermediate_size"));
        Add("attention.head_count", (uint)heads);
        Add("attention.key_length", (uint)headDim);
        Add("attention.value_length", (uint)headDim);
        Add("attention.layer_norm_rms_epsilon", (float)(config["rms_norm_eps"] ?? config["norm_eps"])!.GetValue<double>());
        Add("rope.freq_base", (float)config["rope_theta"]!.GetValue<double>());
        Add("rope.dimension_count", (uint)(architecture == "minimax-m2" && config["rotary_dim"] is JsonValue rotary ? rotary.GetValue<double>() : headDim));
        Add("expert_count", (uint)Number(config, "num_experts", "num_local_experts"));
        Add("expert_used_count", (uint)Number(config, "num_experts_per_tok", "moe_topk"));
        if (architecture == "lfm2moe")
            builder.AddArray($"{architecture}.attention.head_count_kv", [.. config["layer_types"]!.AsArray().Select(type => type!.GetValue<string>() == "conv" ? 0 : keyHeads)]);
        else
            Add("attention.head_count_kv", (uint)keyHeads);
        AddOwnKeys(architecture, config, Add);
    }

    private static void AddOwnKeys(string architecture, JsonObject config, Action<string, object?> add)
    {
        switch (architecture)
        {
            case "exaone-moe":
                add("attention.sliding_window", (uint)Number(config, "sliding_window"));
                add("leading_dense_block_count", (uint)config["mlp_layer_types"]!.AsArray().Count(type => type!.GetValue<string>() == "dense"));
                add("expert_shared_count", (uint)Number(config, "num_shared_experts"));
                add("expert_weights_scale", (float)config["routed_scaling_factor"]!.GetValue<double>());
                add("expert_weights_norm", true);
                add("expert_gating_func", 2u);
                break;
            case "lfm2moe":
                add("leading_dense_block_count", (uint)Number(config, "num_dense_layers"));
                add("shortconv.l_cache", (uint)Number(config, "conv_L_cache"));
                add("expert_gating_func", 2u);
                break;
            case "granitemoe":
                foreach (var (key, name) in new[] { ("attention.scale", "attention_multiplier"), ("embedding_scale", "embedding_multiplier"), ("residual_scale", "residual_multiplier"), ("logit_scale", "logits_scaling") })
                    add(key, (float)config[name]!.GetValue<double>());
                add("expert_shared_feed_forward_length", (uint)Number(config, "shared_intermediate_size"));
                break;
            case "llama4":
                add("interleave_moe_layer_step", (uint)Number(config, "interleave_moe_layer_step"));
                break;
        }
    }

    private static void AddTensor(GgufBuilder builder, TensorView tensor, string architecture, JsonObject config)
    {
        var name = tensor.Name;
        if (architecture == "granitemoe" && SharedInput().Match(name) is { Success: true } shared)
        {
            var rows = tensor.Shape[0] / 2;
            var values = tensor.ToFloats();
            builder.AddTensor($"blk.{shared.Groups[1]}.ffn_gate_shexp.weight", [rows, tensor.Shape[1]], values[..(values.Length / 2)]);
            builder.AddTensor($"blk.{shared.Groups[1]}.ffn_up_shexp.weight", [rows, tensor.Shape[1]], values[(values.Length / 2)..]);
            return;
        }
        var (pattern, replacement) = Names.Single(pair => Regex.IsMatch(name, pair.Pattern));
        var floats = tensor.ToFloats();
        if (architecture == "granitemoe" && name.Contains("q_proj", StringComparison.Ordinal))
            floats = Pairs(floats, Number(config, "num_attention_heads"), tensor.Shape);
        if (architecture == "granitemoe" && name.Contains("k_proj", StringComparison.Ordinal))
            floats = Pairs(floats, Number(config, "num_key_value_heads"), tensor.Shape);
        builder.AddTensor(Regex.Replace(name, pattern, replacement), [.. tensor.Shape.ToArray().Where((size, d) => size != 1 || d != 1)], floats);
    }

    /// <summary>Row 2j + s of a head is row j of its half s.</summary>
    private static float[] Pairs(float[] rows, int heads, ReadOnlySpan<long> shape)
    {
        var (width, half) = ((int)shape[1], (int)shape[0] / heads / 2);
        var result = new float[rows.Length];
        for (var head = 0; head < heads; head++)
            for (var j = 0; j < half; j++)
                for (var s = 0; s < 2; s++)
                    rows.AsSpan((head * 2 * half + s * half + j) * width, width).CopyTo(result.AsSpan((head * 2 * half + 2 * j + s) * width, width));
        return result;
    }

    private static void AddExperts(GgufBuilder builder, Checkpoint checkpoint, int layer)
    {
        var prefix = $"model.layers.{layer}.";
        string[] names = [.. checkpoint.TensorNames.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && IsExpert(name))];
        foreach (var (target, endings) in new[] { ("gate", new[] { "gate_proj", "w1" }), ("up", ["up_proj", "w3"]), ("down", ["down_proj", "w2"]) })
        {
            var single = names.Where(name => endings.Any(ending => name.EndsWith($".{ending}.weight", StringComparison.Ordinal)))
                .OrderBy(name => int.Parse(Regex.Match(name, @"experts\.(\d+)").Groups[1].Value)).ToList();
            if (single.Count > 0)
                builder.AddTensor($"blk.{layer}.ffn_{target}_exps.weight", [single.Count, .. checkpoint.Get(single[0]).Shape], [.. single.SelectMany(name => checkpoint.Get(name).ToFloats())]);
        }
        foreach (var name in names.Where(name => name.Contains("input_linear", StringComparison.Ordinal)))
            AddHalves(builder, layer, checkpoint.Get(name).ToFloats(), checkpoint.Get(name).Shape);
        foreach (var name in names.Where(name => name.Contains("output_linear", StringComparison.Ordinal)))
            builder.AddTensor($"blk.{layer}.ffn_down_exps.weight", checkpoint.Get(name).Shape.ToArray(), checkpoint.Get(name).ToFloats());
        foreach (var name in names.Where(name => name.EndsWith("experts.gate_up_proj", StringComparison.Ordinal)))
        {
            var shape = checkpoint.Get(name).Shape;
            AddHalves(builder, layer, Transposed(checkpoint.Get(name).ToFloats(), shape), [shape[0], shape[2], shape[1]]);
        }
        foreach (var name in names.Where(name => name.EndsWith("experts.down_proj", StringComparison.Ordinal)))
        {
            var shape = checkpoint.Get(name).Shape;
            builder.AddTensor($"blk.{layer}.ffn_down_exps.weight", [shape[0], shape[2], shape[1]], Transposed(checkpoint.Get(name).ToFloats(), shape));
        }
    }

    /// <summary>[experts, gate rows then up rows, inputs].</summary>
    private static void AddHalves(GgufBuilder builder, int layer, float[] values, ReadOnlySpan<long> shape)
    {
        var half = (int)(shape[1] / 2 * shape[2]);
        long[] of = [shape[0], shape[1] / 2, shape[2]];
        builder.AddTensor($"blk.{layer}.ffn_gate_exps.weight", of, [.. values.Chunk(half).Where((_, i) => i % 2 == 0).SelectMany(part => part)]);
        builder.AddTensor($"blk.{layer}.ffn_up_exps.weight", of, [.. values.Chunk(half).Where((_, i) => i % 2 == 1).SelectMany(part => part)]);
    }

    private static float[] Transposed(float[] values, ReadOnlySpan<long> shape)
    {
        var (n, rows, columns) = ((int)shape[0], (int)shape[1], (int)shape[2]);
        var result = new float[values.Length];
        for (var e = 0; e < n; e++)
            for (var r = 0; r < rows; r++)
                for (var c = 0; c < columns; c++)
                    result[(e * columns + c) * rows + r] = values[(e * rows + r) * columns + c];
        return result;
    }

    private static float[] Logits(string path)
    {
        using var loaded = ModelRuns.Open(path);
        return ModelRuns.Logits(loaded.Model, [[3, 14, 15, 92, 65, 35, 89, 79, 3, 2, 3, 8, 4, 6]]);
    }

    [GeneratedRegex(@"^model\.layers\.(\d+)\.shared_mlp\.input_linear\.weight$")]
    private static partial Regex SharedInput();
}
