using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>dots.llm1 (Huo et al. 2025, "dots.llm1 Technical Report"): DeepSeek's experts with a sigmoid router, grouped-query attention with q/k norm.</summary>
internal static unsafe class Dots1
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        config.IgnoreTraining("max_window_layers");
        var shape = config.Shape(config.Width("moe_intermediate_size"), config.SparseAfterDense(), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Deepseek.Mlp(l, builder, Router)),
            (layer, expert) => SeparateExperts.At($"model.layers.{shape.MoeLayers[layer]}.mlp.experts.{expert}", shape),
            layer => [$"model.layers.{layer}.mlp.gate.weight", $"model.layers.{layer}.mlp.gate.e_score_correction_bias"]));
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var prefix = $"model.layers.{layer}.self_attn";
        return builder.Attention(layer, builder.NormHeadsAndRotate($"{prefix}.q_norm", $"{prefix}.k_norm"), bias, bias, builder.Config.ReachOf(layer));
    }

    private static SigmoidRouter Router(string prefix, DecoderBuilder builder) =>
        SigmoidRouting.Read($"{prefix}.gate", $"{prefix}.gate.e_score_correction_bias", builder);
}
