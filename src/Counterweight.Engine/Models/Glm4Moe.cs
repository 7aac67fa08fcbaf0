using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>GLM-4.5 (Zeng et al. 2025, "GLM-4.5: Agentic, Reasoning, and Coding Foundation Models"): partial rotation, sigmoid router, shared experts.</summary>
internal static unsafe class Glm4Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Epsilon = 1e-5, KvHeads = 8 });
        // The layers behind the last one predict further tokens; they are left unread.
        config.IgnoreTraining("num_nextn_predict_layers", "num_mtp_layers");
        var shape = config.Shape(config.Width("moe_intermediate_size"), config.SparseAfterDense(dense: 1), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, RotaryFrequencies.Of(config.Rope, PartialRotary.Width(config, 0.5)));
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Deepseek.Mlp(l, builder, Router, sharedExperts: 1)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight", $"model.layers.{layer}.mlp.gate.e_score_correction_bias"]));
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var prefix = $"model.layers.{layer}.self_attn";
        HeadPreparation prepare = builder.Config.File.Bool("use_qk_norm", false)
            ? builder.NormHeadsAndRotate($"{prefix}.q_norm", $"{prefix}.k_norm")
            : builder.Rotate;
        return builder.Attention(layer, prepare, bias, outputBias: false);
    }

    private static SigmoidRouter Router(string prefix, DecoderBuilder builder) =>
        SigmoidRouting.Read($"{prefix}.gate.weight", $"{prefix}.gate.e_score_correction_bias", builder);
}
