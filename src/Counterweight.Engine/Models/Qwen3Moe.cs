using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Qwen3-MoE (Yang et al. 2025, "Qwen3 Technical Report"): per-head q/k norm, softmax top-k router without shared experts.</summary>
internal static unsafe class Qwen3Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { KvHeads = 4 });
        config.IgnoreTraining("max_window_layers"); // windows, where they are switched on, are those of all layers
        var shape = config.Shape(config.Width("moe_intermediate_size"), QwenLayers.Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Mlp(l, builder)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight"]));
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var prefix = $"model.layers.{layer}.self_attn";
        return builder.Attention(layer, builder.NormHeadsAndRotate($"{prefix}.q_norm", $"{prefix}.k_norm"), bias, bias, builder.Config.ReachOf(layer, QwenLayers.Window(builder.Config)));
    }

    private static FeedForward Mlp(int layer, DecoderBuilder builder)
    {
        var prefix = $"model.layers.{layer}.mlp";
        if (!builder.Shape.MoeLayers.Contains(layer))
            return builder.Dense(prefix);
        var renormalise = builder.Config.File.Bool("norm_topk_prob", false);
        return builder.Sparse(layer, new TopKRouter(builder.Context, builder.Gate($"{prefix}.gate.weight"), builder.Shape.TopK, renormalise));
    }
}
