using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// DeepSeek-MoE (Dai et al. 2024, "DeepSeekMoE: Towards Ultimate Expert Specialization in Mixture-of-Experts Language Models"): fine-grained experts, shared
/// experts in one MLP, the first layers dense.
/// </summary>
internal static unsafe class Deepseek
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        config.Require("scoring_func", "softmax");
        var shape = config.Shape(config.Width("moe_intermediate_size"), config.SparseAfterDense(dense: 0), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("attention_bias", false);
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias, bias), Mlp(l, builder, Router, sharedExperts: 0)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    /// <summary>Dense, or experts with the shared ones beside them; the layout that the later DeepSeek models and their kin keep.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="builder">The model.</param>
    /// <param name="router">Makes the router of a prefix.</param>
    /// <param name="sharedExperts">How many there are where the file does not say.</param>
    internal static FeedForward Mlp(int layer, DecoderBuilder builder, Func<string, DecoderBuilder, Router> router, int sharedExperts)
    {
        var prefix = $"model.layers.{layer}.mlp";
        return builder.Shape.MoeLayers.Contains(layer)
            ? builder.Sparse(layer, router(prefix, builder), Shared($"{prefix}.shared_experts", builder, builder.Config.SharedExperts(sharedExperts)))
            : builder.Dense(prefix);
    }

    private static SharedExpert? Shared(string prefix, DecoderBuilder builder, int count) =>
        count > 0 ? builder.Shared(prefix, checked(count * builder.Shape.ExpertIntermediate)) : null;

    private static TopKRouter Router(string prefix, DecoderBuilder builder)
    {
        var renormalise = builder.Config.File.Bool("norm_topk_prob", false) && builder.Shape.TopK > 1;
        return new TopKRouter(builder.Context, builder.Gate($"{prefix}.gate.weight"), builder.Shape.TopK, renormalise);
    }
}
