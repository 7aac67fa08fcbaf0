using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>ERNIE 4.5 (Baidu 2025, "ERNIE 4.5 Technical Report"), text models: adjacent pairs rotate, router bias in the choice only, shared experts in one MLP.</summary>
internal static unsafe class Ernie45Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 500000, Epsilon = 1e-5, KvHeads = 4, TiedEmbeddings = true });
        config.Require("use_bias", false);
        config.Require("norm_topk_prob", true);
        var shape = config.Shape(config.Width("moe_intermediate_size"), Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.RotatePairs, bias: false, outputBias: false), Deepseek.Mlp(l, builder, Router, sharedExperts: 2)),
            builder.Experts("mlp.experts"),
            layer => [$"model.layers.{layer}.mlp.gate.weight", CorrectionBias($"model.layers.{layer}.mlp", builder)]));
    }

    private static IEnumerable<int> Sparse(DecoderConfig config)
    {
        var step = config.File.Int("moe_layer_interval", 1, 4096, 1);
        var start = config.File.Int("moe_layer_start_index", 0, config.Layers, 1);
        var end = config.File.Int("moe_layer_end_index", -1, 4096, -1);
        return Enumerable.Range(0, config.Layers).Where(l => (l + 1) % step == 0 && l >= start && (end < 0 || l <= end));
    }

    private static string CorrectionBias(string prefix, DecoderBuilder builder) =>
        builder.Named($"{prefix}.moe_statics.e_score_correction_bias", $"{prefix}.gate.moe_statics.e_score_correction_bias");

    private static BiasedSoftmaxRouter Router(string prefix, DecoderBuilder builder) => new(
        builder.Context,
        builder.Gate($"{prefix}.gate.weight"),
        builder.Shape.TopK,
        builder.Weights.Vector(CorrectionBias(prefix, builder), 1, builder.Shape.Experts),
        builder.Config.Factor("moe_norm_min", 1e-12));
}
