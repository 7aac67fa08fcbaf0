using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// LLaMA-MoE (Zhu et al. 2024, "LLaMA-MoE: Building Mixture-of-Experts from LLaMA with Continual Pre-training"): the MLPs of a LLaMA cut into experts, perhaps of
/// different sizes, whose outputs are scaled up for those that are left out.
/// </summary>
internal static unsafe class LlamaMoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        config.Require("gate_type", "TopKBalancedNoisyGate");
        config.Require("gate_use_softmax", true);
        config.Require("calculator_type", "UniversalCalculator");
        config.Require("multiply_gate_scores", true);
        config.Require("add_weight_norm", false);
        config.IgnoreTraining("gate_use_balance", "gate_balance_loss_weight", "gate_add_noise", "gate_noise_epsilon");
        config.IgnoreTraining("drop_tokens", "dropped_padding", "capacity_factor"); // of calculators that are refused above
        var sizes = Sizes(config);
        var shape = config.Shape(sizes.Max(layer => layer.Max()), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var bias = file.Bool("attention_bias", false);
        return builder.Build(builder.Parts(
            l => builder.Layer(l, builder.Attention(l, builder.Rotate, bias, bias), builder.Sparse(l, Router(l, builder))),
            (layer, expert) => Expert($"model.layers.{layer}.mlp.calculator.experts", expert, sizes[layer][expert], shape.Hidden),
            layer => IsTanh(config) ? [$"{Gate(layer)}.0.weight", $"{Gate(layer)}.2.weight"] : [$"{Gate(layer)}.weight"]));
    }

    private static string Gate(int layer) => $"model.layers.{layer}.mlp.gate.gate_network";

    private static bool IsTanh(DecoderConfig config)
    {
        config.Require("gate_network", "mlp", "linear");
        return config.File.String("gate_network", "mlp") == "mlp";
    }

    private static Router Router(int layer, DecoderBuilder builder)
    {
        var (weights, shape, factor) = (builder.Weights, builder.Shape, ScaleFactor(layer, builder.Config));
        return IsTanh(builder.Config)
            ? new TanhGateRouter(
                builder.Context, builder.Gate($"{Gate(layer)}.0.weight"), weights.Router($"{Gate(layer)}.2", shape.Experts, shape.Experts), shape.TopK, factor)
            : new ChosenSoftmaxRouter(builder.Context, builder.Gate($"{Gate(layer)}.weight"), shape.TopK, factor);
    }

    /// <summary><c>score_scale_factor</c>: a number, or one for each layer.</summary>
    private static float ScaleFactor(int layer, DecoderConfig config)
    {
        var factors = config.File.DoubleList("score_scale_factor", 0, 1e6, [1]);
        return factors.Length == 1 ? (float)factors[0]
            : factors.Length == config.Layers ? (float)factors[layer]
            : throw config.File.Refuse("score_scale_factor", $"a number, or one for each of {config.Layers} layers");
    }

    /// <summary>Width of each expert, [layers][experts]: <c>size_experts</c>, or equal parts of <c>intermediate_size</c>.</summary>
    private static int[][] Sizes(DecoderConfig config)
    {
        var (experts, width) = (config.Experts(), config.Width("intermediate_size"));
        if (!config.File.Has("size_experts"))
            return width % experts == 0
                ? [.. Enumerable.Range(0, config.Layers).Select(_ => Enumerable.Repeat(width / experts, experts).ToArray())]
                : throw config.File.Refuse("intermediate_size", $"a multiple of the {experts} experts, where there is no size_experts");
        var sizes = config.File.IntLists("size_experts", 1, width);
        return sizes.Length == config.Layers && sizes.All(layer => layer.Length == experts && layer.Sum() == width)
            ? sizes
            : throw config.File.Refuse("size_experts", $"{experts} sizes with the sum {width} for each of {config.Layers} layers");
    }

    /// <summary>weight_gate and weight_up are [size, hidden], weight_down is [hidden, size].</summary>
    private static ExpertPlaces Expert(string prefix, int expert, int size, int hidden) => new(
        WeightPlace.Whole($"{prefix}.weight_gate.{expert}", size, hidden),
        WeightPlace.Whole($"{prefix}.weight_up.{expert}", size, hidden),
        WeightPlace.Whole($"{prefix}.weight_down.{expert}", hidden, size));
}
