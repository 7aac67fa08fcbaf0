using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>OLMoE (Muennighoff et al. 2024, "OLMoE: Open Mixture-of-Experts Language Models"): q/k norm over the whole projection, perhaps clipping.</summary>
internal static unsafe class Olmoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Epsilon = 1e-5 });
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("attention_bias", false);
        var limit = file.Has("clip_qkv") ? (float)file.Double("clip_qkv", 0, 1e30) : float.PositiveInfinity;
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, Prepare($"model.layers.{l}.self_attn", builder, limit), bias, bias), Moe(l, builder)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    /// <summary>Norms over whole projections, limits to ±<paramref name="limit"/> and rotates.</summary>
    internal static HeadPreparation Prepare(string prefix, DecoderBuilder builder, float limit = float.PositiveInfinity)
    {
        var config = builder.Config;
        var queryNorm = builder.Weights.RmsNorm($"{prefix}.q_norm", config.QueryWidth, config.Epsilon);
        var keyNorm = builder.Weights.RmsNorm($"{prefix}.k_norm", config.KeyWidth, config.Epsilon);
        return (queries, keys, values, position) =>
        {
            queryNorm.Apply(queries, queries);
            keyNorm.Apply(keys, keys);
            if (float.IsFinite(limit))
            {
                VectorMath.Clamp(new Span<float>(queries, config.QueryWidth), limit);
                VectorMath.Clamp(new Span<float>(keys, config.KeyWidth), limit);
                VectorMath.Clamp(new Span<float>(values, config.KeyWidth), limit);
            }
            builder.Rotate(queries, keys, values, position);
        };
    }

    internal static SparseFeedForward Moe(int layer, DecoderBuilder builder) => builder.Sparse(layer, new TopKRouter(
        builder.Context, builder.Gate($"model.layers.{layer}.mlp.gate.weight"), builder.Shape.TopK, builder.Config.File.Bool("norm_topk_prob", false)));
}
