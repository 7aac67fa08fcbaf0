using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Mixtral (Jiang et al. 2024, "Mixtral of Experts"): every layer sparse, weights renormalised, perhaps a sliding window.</summary>
internal static unsafe class Mixtral
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        config.IgnoreTraining("router_jitter_noise");
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var reach = config.SlidingWindow() is { } width ? AttentionReach.Window(width) : AttentionReach.Full;
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias: false, outputBias: false, reach), Moe(l, builder)),
            (layer, expert) => SeparateExperts.At($"model.layers.{layer}.block_sparse_moe.experts.{expert}", shape, gate: "w1", up: "w3", down: "w2"),
            layer => [$"model.layers.{layer}.block_sparse_moe.gate.weight"]));
    }

    private static SparseFeedForward Moe(int layer, DecoderBuilder builder) => builder.Sparse(
        layer, new TopKRouter(builder.Context, builder.Gate($"model.layers.{layer}.block_sparse_moe.gate"), builder.Shape.TopK, renormalise: true));
}
