using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>dots.llm1 (Huo et al. 2025, "dots.llm1 Technical Report"): DeepSeek's experts with a sigmoid router, grouped-query attention with q/k norm.</summary>
internal static unsafe class Dots1
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { KvHeads = 32 });
        var shape = config.Shape(config.Width("moe_intermediate_size"), config.SparseAfterDense(dense: 0), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Deepseek.Mlp(l, builder, Router, sharedExperts: 0)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight", $"model.layers.{layer}.mlp.gate.e_score_correction_bias"]));
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var prefix = $"model.layers.{layer}.self_attn";
        var fullLayers = builder.Config.File.Int("max_window_layers", 0, int.MaxValue, 62);
        var reach = builder.Config.ReachOf(layer, builder.Config.SlidingWindow(fallback: 4096), l => l >= fullLayers);
        return builder.Attention(layer, builder.NormHeadsAndRotate($"{prefix}.q_norm", $"{prefix}.k_norm"), bias, bias, reach);
    }

    private static SigmoidRouter Router(string prefix, DecoderBuilder builder) =>
        SigmoidRouting.Read($"{prefix}.gate.weight", $"{prefix}.gate.e_score_correction_bias", builder, renormalise: false);
}
