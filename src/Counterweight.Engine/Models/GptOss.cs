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
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 150000, Epsilon = 1e-5, KvHeads = 8, HeadDim = 64 });
        config.Require("norm_topk_prob", true);
        config.Require("hidden_act", "silu"); // of which experts compute a variant of their own
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, Frequencies(config));
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Moe(l, builder)),
            (layer, expert) => Expert($"model.layers.{layer}.mlp.experts", expert, shape),
            layer => [$"model.layers.{layer}.mlp.router.weight", $"model.layers.{layer}.mlp.router.bias"]) with
        {
            Function = new ExpertFunction(new ClampedSwiGlu(config.Factor("swiglu_limit", 7), config.Factor("swiglu_alpha", 1.702))),
        });
    }

    /// <summary>A file that says nothing of scaling means the YaRN of the published models.</summary>
    private static RotaryFrequencies Frequencies(DecoderConfig config)
    {
        var given = config.Frequencies();
        if (config.Rope.Scaling is not null)
            return given;
        if (config.File.IsNull("rope_scaling") || config.File.IsNull("rope_parameters"))
            throw config.File.Refuse("rope_scaling", "an object or no key: releases of transformers differ in what null means for gpt_oss");
        var published = new YarnScaling(Factor: 32, OriginalPositions: 4096, BetaFast: 32, BetaSlow: 1, Truncate: false, YarnScaling.Magnitude(32, 1));
        return RotaryFrequencies.Yarn(config.HeadDim, config.Rope.Theta, published);
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var config = builder.Config;
        var bias = config.File.Bool("attention_bias", true);
        var sinks = builder.Weights.Vector($"model.layers.{layer}.self_attn.sinks", config.Heads);
        var reach = config.ReachOf(layer, config.SlidingWindow(fallback: 128), l => l % 2 == 0);
        return builder.Attention(layer, builder.Rotate, bias, bias, reach, sinks);
    }

    private static SparseFeedForward Moe(int layer, DecoderBuilder builder) => builder.Sparse(
        layer, new ChosenSoftmaxRouter(builder.Context, builder.Gate($"model.layers.{layer}.mlp.router.weight", bias: true), builder.Shape.TopK));

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
