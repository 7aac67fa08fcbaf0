using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>EXAONE MoE (LG AI Research 2025): layers with a window and rotation among layers with neither, per-head q/k norm, sigmoid router.</summary>
internal static unsafe class ExaoneMoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Epsilon = 1e-5, KvHeads = 32 });
        config.IgnoreTraining("num_nextn_predict_layers");
        var shape = config.Shape(config.Width("moe_intermediate_size"), Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Deepseek.Mlp(l, builder, Router, sharedExperts: 1)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight", CorrectionBias($"model.layers.{layer}.mlp", builder)]));
    }

    private static IEnumerable<int> Sparse(DecoderConfig config)
    {
        var types = config.File.StringList("mlp_layer_types", []);
        var byCount = config.SparseAfterDense(dense: 1).ToArray();
        if (types.Length == 0)
            return byCount;
        return types.Length == config.Layers && types.All(type => type is "dense" or "sparse")
            ? Enumerable.Range(0, config.Layers).Where(l => types[l] == "sparse")
            : throw config.File.Refuse("mlp_layer_types", $"dense or sparse for each of {config.Layers} layers");
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var config = builder.Config;
        var prefix = $"model.layers.{layer}.self_attn";
        var window = config.SlidingWindow(fallback: 4096);
        var period = config.File.Int("sliding_window_pattern", window is null ? 0 : 1, 4096, 4);
        var reach = config.ReachOf(layer, window, l => (l + 1) % period != 0);
        var rotates = reach != AttentionReach.Full || window is null;
        var prepare = rotates ? builder.NormHeadsAndRotate($"{prefix}.q_norm", $"{prefix}.k_norm") : builder.NormHeads($"{prefix}.q_norm", $"{prefix}.k_norm");
        return builder.Attention(layer, prepare, bias: false, outputBias: false, reach);
    }

    private static string CorrectionBias(string prefix, DecoderBuilder builder) =>
        builder.Named($"{prefix}.e_score_correction_bias", $"{prefix}.gate.e_score_correction_bias");

    private static SigmoidRouter Router(string prefix, DecoderBuilder builder) =>
        SigmoidRouting.Read($"{prefix}.gate.weight", CorrectionBias(prefix, builder), builder, factor: 2.5);
}
