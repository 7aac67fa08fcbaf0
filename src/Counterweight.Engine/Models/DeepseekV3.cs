using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// DeepSeek-V3 (DeepSeek-AI 2024, "DeepSeek-V3 Technical Report"): DeepSeek-V2's attention and experts behind a sigmoid router with correction bias. The layers
/// behind the last one predict further tokens; they are left unread.
/// </summary>
internal static class DeepseekV3
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        config.IgnoreTraining("num_nextn_predict_layers", "num_mtp_layers");
        return DeepseekV2.Load(
            checkpoint,
            config,
            context,
            Router,
            layer => [$"model.layers.{layer}.mlp.gate.weight", $"model.layers.{layer}.mlp.gate.e_score_correction_bias"],
            file.Bool("rope_interleave", true),
            denseLayers: 3,
            sharedExperts: 1);
    }

    private static SigmoidRouter Router(string prefix, DecoderBuilder builder) =>
        SigmoidRouting.Read($"{prefix}.gate.weight", $"{prefix}.gate.e_score_correction_bias", builder, factor: 2.5, groups: (8, 4));
}
