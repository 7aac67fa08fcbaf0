using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Mixtral (Jiang et al. 2024, "Mixtral of Experts"): every layer sparse, weights renormalised, perhaps a sliding window.</summary>
internal static unsafe class Mixtral
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 1e6, Epsilon = 1e-5, KvHeads = 8 });
        config.Require("norm_topk_prob", true);
        config.IgnoreTraining("router_jitter_noise");
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var window = config.SlidingWindow();
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias: false, outputBias: false, config.ReachOf(l, window)), Moe(l, builder)),
            builder.Experts("block_sparse_moe.experts", DecoderBuilder.NumberedProjections, stacked: "mlp.experts"),
            layer => [Gate(layer, builder)]));
    }

    private static string Gate(int layer, DecoderBuilder builder) =>
        builder.Named($"model.layers.{layer}.block_sparse_moe.gate.weight", $"model.layers.{layer}.mlp.gate.weight");

    private static SparseFeedForward Moe(int layer, DecoderBuilder builder) => builder.Sparse(
        layer, new TopKRouter(builder.Context, builder.Gate(Gate(layer, builder)), builder.Shape.TopK, renormalise: true));
}
