using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>gpt-oss (OpenAI 2025, "gpt-oss-120b &amp; gpt-oss-20b Model Card"): attention sinks, every other layer with a window, clamped SwiGLU, biases throughout.</summary>
internal static unsafe class GptOss
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Moe(l, builder)),
            (layer, expert) => Expert($"model.layers.{layer}.mlp.experts", expert, shape),
            layer => [$"model.layers.{layer}.mlp.router.weight", $"model.layers.{layer}.mlp.router.bias"]) with
        {
            Function = new ExpertFunction(new ClampedSwiGlu(config.Factor("swiglu_limit", 7), config.Factor("swiglu_alpha", 1.702))),
        });
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var config = builder.Config;
        var bias = config.File.Bool("attention_bias", true);
        var sinks = builder.Weights.Vector($"model.layers.{layer}.self_attn.sinks", config.Heads);
        // Without a list, windows come first and alternate.
        var reach = config.File.Has("layer_types") ? config.ReachOf(layer)
            : layer % 2 == 0 ? AttentionReach.Window(config.Width("sliding_window"))
            : AttentionReach.Full;
        return builder.Attention(layer, builder.Rotate, bias, bias, reach, sinks);
    }

    private static SparseFeedForward Moe(int layer, DecoderBuilder builder) => builder.Sparse(
        layer, new ChosenSoftmaxRouter(builder.Context, builder.Gate($"model.layers.{layer}.mlp.router", bias: true), builder.Shape.TopK));

    /// <summary>gate_up_proj is [experts, hidden, 2 · intermediate], gate and up in turn; down_proj is [experts, intermediate, hidden].</summary>
    private static ExpertPlaces Expert(string prefix, int expert, ModelShape shape)
    {
        var (experts, hidden, width) = (shape.Experts, shape.Hidden, shape.ExpertIntermediate);
        var fused = $"{prefix}.gate_up_proj";
        var first = (long)expert * hidden * 2 * width;
        var firstBias = (long)expert * 2 * width;
        return new ExpertPlaces(
            new WeightPlace(fused, [experts, hidden, 2 * width], width, hidden, first, 2, 2 * width),
            new WeightPlace(fused, [experts, hidden, 2 * width], width, hidden, first + 1, 2, 2 * width),
            new WeightPlace($"{prefix}.down_proj", [experts, width, hidden], hidden, width, (long)expert * width * hidden, 1, hidden),
            (
                new WeightPlace($"{fused}_bias", [experts, 2 * width], width, 1, firstBias, 2, 1),
                new WeightPlace($"{fused}_bias", [experts, 2 * width], width, 1, firstBias + 1, 2, 1),
                new WeightPlace($"{prefix}.down_proj_bias", [experts, hidden], hidden, 1, (long)expert * hidden, 1, 1)));
    }
}
