using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Hunyuan-A13B (Tencent 2025): q/k norm after rotation, renormalised top-k, a shared MLP beside the experts.</summary>
internal static unsafe class HunyuanV1Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Epsilon = 1e-5 });
        config.IgnoreTraining("eod_token_id", "pad_id", "im_start_id", "im_end_id", "text_start_id", "text_end_id", "org_vocab_size");
        config.Require("use_cla", false);
        config.Require("norm_topk_prob", true);
        config.Require("moe_drop_tokens", false);
        config.IgnoreTraining("moe_random_routing_dropped_token");
        config.Require("norm_type", "rms", "hf_rms");
        var skipped = file.Int("moe_layer_num_skipped", 0, config.Layers, 0);
        var width = file.Has("moe_intermediate_size") ? Same("moe_intermediate_size", DecoderConfig.MaxSize, config) : config.Width("intermediate_size");
        var shape = config.Shape(width, Enumerable.Range(skipped, config.Layers - skipped), config.Experts(), Same("moe_topk", config.Experts(), config));
        var builder = new DecoderBuilder(checkpoint, context, config, shape, Frequencies(config));
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Mlp(l, builder)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.wg.weight"]));
    }

    /// <summary>A number, or one for each layer, which then must be the same: plans know one top-k and one width.</summary>
    private static int Same(string key, int max, DecoderConfig config)
    {
        var values = config.File.IntList(key, 1, max);
        return values.Length > 0 && values.Distinct().Count() == 1 ? values[0] : throw config.File.Refuse(key, "the same number for every layer");
    }

    /// <summary>With <c>alpha</c> the base is theta · alpha^(d/(d−2)), whatever the length (the fixed form of NTK-aware scaling).</summary>
    private static RotaryFrequencies Frequencies(DecoderConfig config)
    {
        if (config.Rope.Type != "dynamic" || config.Rope.Scaling!.Double("alpha", 0, 1e9, 0) is not (> 0 and var alpha))
            return config.Frequencies();
        var scaling = config.Rope.Scaling;
        if (scaling.Double("factor", 0, 1e9, 1) != 1)
            throw scaling.Refuse("factor", "1 beside alpha");
        foreach (var unused in (string[])["beta_fast", "beta_slow", "mscale", "mscale_all_dim"])
            scaling.Ignore(unused);
        return RotaryFrequencies.Plain(config.HeadDim, config.Rope.Theta * Math.Pow(alpha, (double)config.HeadDim / (config.HeadDim - 2)));
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        if (!builder.Config.File.Bool("use_qk_norm", true))
            return builder.Attention(layer, builder.Rotate, bias, bias);
        var prefix = $"model.layers.{layer}.self_attn";
        var norm = builder.NormHeads($"{prefix}.query_layernorm", $"{prefix}.key_layernorm");
        return builder.Attention(
            layer,
            (queries, keys, values, position) =>
            {
                builder.Rotate(queries, keys, values, position);
                norm(queries, keys, values, position);
            },
            bias,
            bias);
    }

    private static FeedForward Mlp(int layer, DecoderBuilder builder)
    {
        var prefix = $"model.layers.{layer}.mlp";
        if (!builder.Shape.MoeLayers.Contains(layer))
            return builder.Dense(prefix);
        var router = new TopKRouter(builder.Context, builder.Gate($"{prefix}.gate.wg.weight"), builder.Shape.TopK, renormalise: true);
        // The authors' switch is off where there is no shared MLP; transformers writes it switched off and has one all the same.
        if (!builder.Config.File.Bool("use_mixed_mlp_moe", true) && !builder.Weights.Checkpoint.TensorNames.Any(name => name.StartsWith($"{prefix}.shared_mlp.", StringComparison.Ordinal)))
            return builder.Sparse(layer, router);
        var count = builder.Config.File.Has("num_shared_expert") ? Same("num_shared_expert", 1024, builder.Config) : 1;
        return builder.Sparse(layer, router, builder.Shared($"{prefix}.shared_mlp", checked(count * builder.Shape.ExpertIntermediate)));
    }
}
