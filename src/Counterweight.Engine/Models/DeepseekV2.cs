using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// DeepSeek-V2 (DeepSeek-AI 2024, "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model"): latent attention, softmax router,
/// perhaps limited to groups, shared experts.
/// </summary>
internal static unsafe class DeepseekV2
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        config.Require("scoring_func", "softmax");
        config.Require("topk_method", "greedy", "group_limited_greedy");
        return Load(checkpoint, config, context, Router, layer => [$"model.layers.{layer}.mlp.gate.weight"], interleaved: true, denseLayers: 0, sharedExperts: 2);
    }

    /// <summary>The layout that DeepSeek-V3 shares.</summary>
    internal static MoeModel Load(
        Checkpoint checkpoint, DecoderConfig config, ComputeContext context, Func<string, DecoderBuilder, Router> router, Func<int, IReadOnlyList<string>> routers,
        bool interleaved, int denseLayers, int sharedExperts)
    {
        config.Require("mlp_bias", false);
        config.IgnoreTraining("qk_head_dim", "ep_size");
        var shape = config.Shape(config.Width("moe_intermediate_size"), config.SparseAfterDense(denseLayers), config.Experts(), config.TopK());
        var sizes = new LatentSizes(
            config.Heads, config.Width("qk_nope_head_dim"), config.Width("qk_rope_head_dim"), config.Width("v_head_dim"), config.Width("kv_lora_rank"));
        var rows = new AttentionRows(context, sizes.Heads, sizes.Heads, sizes.HeadDim, Scale(config.Rope, sizes.HeadDim), sizes.Value);
        var builder = new DecoderBuilder(checkpoint, context, config, shape, RotaryFrequencies.Of(config.Rope, sizes.Rotated), rows);
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, sizes, builder, interleaved), Deepseek.Mlp(l, builder, router, sharedExperts)),
            builder.Experts("mlp.experts"),
            routers));
    }

    /// <summary>headDim^−½, times m(mscale_all_dim)² where rotation is scaled.</summary>
    private static float Scale(RopeSettings rope, int headDim)
    {
        var magnitude = 1.0;
        if (rope.Type != "default" && rope.Scaling!.Double("mscale_all_dim", 0, 1e3, 0) is var all and > 0)
            magnitude = YarnScaling.Magnitude(rope.Scaling.Double("factor", 1, 1e6), all);
        return (float)(magnitude * magnitude / Math.Sqrt(headDim));
    }

    private static LatentAttention Attention(int layer, LatentSizes sizes, DecoderBuilder builder, bool interleaved)
    {
        const float LowRankEpsilon = 1e-6f; // whatever the config's epsilon is
        const int DefaultQueryRank = 1536;
        var (weights, file, hidden) = (builder.Weights, builder.Config.File, builder.Hidden);
        var prefix = $"model.layers.{layer}.self_attn";
        var bias = file.Bool("attention_bias", false);
        var rank = file.Int("q_lora_rank", 1, DecoderConfig.MaxSize, file.IsNull("q_lora_rank") ? 0 : DefaultQueryRank);
        return new LatentAttention(builder.Context, builder.Rows, layer, sizes, Rotation(sizes, builder.Rotary, interleaved), (weights.Scratch, weights.SharedOutput))
        {
            QueryDown = rank > 0 ? weights.Linear($"{prefix}.q_a_proj", rank, hidden, bias) : null,
            QueryNorm = rank > 0 ? weights.RmsNorm($"{prefix}.q_a_layernorm", rank, LowRankEpsilon) : null,
            Query = rank > 0
                ? weights.Linear($"{prefix}.q_b_proj", sizes.Heads * sizes.HeadDim, rank, bias: false)
                : weights.Linear($"{prefix}.q_proj", sizes.Heads * sizes.HeadDim, hidden, bias: false),
            KeyValueDown = weights.Linear($"{prefix}.kv_a_proj_with_mqa", sizes.Latent + sizes.Rotated, hidden, bias),
            LatentNorm = weights.RmsNorm($"{prefix}.kv_a_layernorm", sizes.Latent, LowRankEpsilon),
            KeyValueUp = weights.Linear($"{prefix}.kv_b_proj", sizes.Heads * (sizes.Plain + sizes.Value), sizes.Latent, bias: false),
            Output = weights.Linear($"{prefix}.o_proj", hidden, sizes.Heads * sizes.Value, bias),
        };
    }

    /// <summary>Rotates the last part of each head.</summary>
    private static HeadPreparation Rotation(LatentSizes sizes, RotaryEmbedding rotary, bool interleaved) => (queries, keys, _, position) =>
    {
        if (interleaved)
        {
            rotary.RotatePairs(queries + sizes.Plain, sizes.Heads, sizes.HeadDim, position);
            rotary.RotatePairs(keys + sizes.Plain, sizes.Heads, sizes.HeadDim, position);
        }
        else
        {
            rotary.RotateHeads(queries + sizes.Plain, sizes.Heads, sizes.HeadDim, position);
            rotary.RotateHeads(keys + sizes.Plain, sizes.Heads, sizes.HeadDim, position);
        }
    };

    private static GroupLimitedRouter Router(string prefix, DecoderBuilder builder)
    {
        var (file, shape) = (builder.Config.File, builder.Shape);
        var (groups, chosen) = SigmoidRouting.ExpertGroupsOf(builder.Config, shape, (1, 1));
        var limited = file.String("topk_method", "greedy") == "group_limited_greedy";
        return new GroupLimitedRouter(
            builder.Context, builder.Gate($"{prefix}.gate.weight"), shape.TopK, builder.Config.Factor("routed_scaling_factor", 1), file.Bool("norm_topk_prob", false))
        {
            Groups = limited ? groups : 1,
            ChosenGroups = limited ? chosen : 1,
        };
    }
}
