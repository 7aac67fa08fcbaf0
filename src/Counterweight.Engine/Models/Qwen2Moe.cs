using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Qwen2-MoE (Yang et al. 2024, "Qwen2 Technical Report"): q/k/v biases, softmax top-k router, a shared expert behind a sigmoid gate.</summary>
internal static unsafe class Qwen2Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        var window = QwenLayers.Window(config);
        var windowedLayers = file.Int("max_window_layers", 0, int.MaxValue, 28);
        bool HasWindow(int layer) => layer % 2 == 0 && layer < windowedLayers;
        var shape = config.Shape(config.Width("moe_intermediate_size"), QwenLayers.Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("qkv_bias", true);
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias, outputBias: false, config.ReachOf(l, window, HasWindow)), Mlp(l, builder)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    private static FeedForward Mlp(int layer, DecoderBuilder builder)
    {
        var prefix = $"model.layers.{layer}.mlp";
        if (!builder.Shape.MoeLayers.Contains(layer))
            return builder.Dense(prefix);
        var router = new TopKRouter(builder.Context, builder.Gate($"{prefix}.gate.weight"), builder.Shape.TopK, builder.Config.File.Bool("norm_topk_prob", false));
        var gate = builder.Weights.Vector($"{prefix}.shared_expert_gate.weight", 1, builder.Hidden);
        return builder.Sparse(layer, router, builder.Shared($"{prefix}.shared_expert", builder.Config.Width("shared_expert_intermediate_size"), gate));
    }
}
