using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>MiniMax-M2 (MiniMax 2025): q/k norm over the whole projection, perhaps partial rotation, sigmoid router whose bias takes part in the choice only.</summary>
internal static unsafe class MiniMaxM2
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 5e6, KvHeads = 8, HeadDim = 128 });
        config.IgnoreTraining("router_jitter_noise", "use_mtp", "num_mtp_modules", "mtp_transformer_layers");
        config.Require("use_qk_norm", true);
        config.Require("qk_norm_type", "per_layer");
        config.Require("use_routing_bias", true);
        config.Require("shared_intermediate_size", 0);
        foreach (var norm in (string[])["layernorm_full_attention_beta", "layernorm_linear_attention_beta", "layernorm_mlp_beta"])
            config.Require(norm, 1);
        if (file.IntList("attn_type_list", 0, 1, []).Contains(0))
            throw file.Refuse("attn_type_list", "1 for every layer: linear attention is not supported for minimax_m2");
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var rotaryWidth = file.Has("rotary_dim") ? file.Int("rotary_dim", 2, config.HeadDim) : PartialRotary.Width(config, 1);
        var builder = new DecoderBuilder(checkpoint, context, config, shape, RotaryFrequencies.Of(config.Rope, rotaryWidth));
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, Prepare($"model.layers.{l}.self_attn", builder), bias: false, outputBias: false), Moe(l, builder)),
            builder.Experts("block_sparse_moe.experts", DecoderBuilder.NumberedProjections, stacked: "mlp.experts"),
            layer => [Router(layer, "gate.weight", builder), Router(layer, "e_score_correction_bias", builder)]));
    }

    private static string Router(int layer, string tensor, DecoderBuilder builder) =>
        builder.Named($"model.layers.{layer}.block_sparse_moe.{tensor}", $"model.layers.{layer}.mlp.{tensor}");

    private static HeadPreparation Prepare(string prefix, DecoderBuilder builder)
    {
        var queryNorm = builder.Weights.RmsNorm($"{prefix}.q_norm", builder.Config.QueryWidth, builder.Config.Epsilon);
        var keyNorm = builder.Weights.RmsNorm($"{prefix}.k_norm", builder.Config.KeyWidth, builder.Config.Epsilon);
        return (queries, keys, values, position) =>
        {
            queryNorm.Apply(queries, queries);
            keyNorm.Apply(keys, keys);
            builder.Rotate(queries, keys, values, position);
        };
    }

    private static SparseFeedForward Moe(int layer, DecoderBuilder builder) =>
        builder.Sparse(layer, SigmoidRouting.Read(Router(layer, "gate.weight", builder), Router(layer, "e_score_correction_bias", builder), builder));
}
