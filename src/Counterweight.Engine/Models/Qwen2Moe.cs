using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Qwen2-MoE (Yang et al. 2024, "Qwen2 Technical Report"): q/k/v biases, softmax top-k router, a shared expert behind a sigmoid gate.</summary>
internal static unsafe class Qwen2Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        QwenLayers.RefuseWindow(config);
        var shape = config.Shape(config.Width("moe_intermediate_size"), QwenLayers.Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("qkv_bias", true);
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias, outputBias: false), Mlp(l, builder)),
            (layer, expert) => SeparateExperts.At($"model.layers.{shape.MoeLayers[layer]}.mlp.experts.{expert}", shape),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    private static FeedForward Mlp(int layer, DecoderBuilder builder)
    {
        var (weights, file) = (builder.Weights, builder.Config.File);
        var prefix = $"model.layers.{layer}.mlp";
        if (!builder.Shape.MoeLayers.Contains(layer))
            return builder.Dense(prefix);
        var router = new TopKRouter(builder.Context, builder.Gate($"{prefix}.gate"), builder.Shape.TopK, file.Bool("norm_topk_prob", false));
        var shared = weights.Mlp($"{prefix}.shared_expert", builder.Config.Width("shared_expert_intermediate_size"), builder.Hidden);
        return builder.Sparse(layer, router, weights.Shared(shared, weights.Vector($"{prefix}.shared_expert_gate.weight", 1, builder.Hidden)));
    }
}
