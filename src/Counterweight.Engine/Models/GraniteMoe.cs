using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// Granite 3 MoE (Granite Team 2024, "Granite 3.0 Language Models"): multipliers throughout, the softmax over the chosen logits, fused expert tensors. The
/// <c>granitemoeshared</c> models add an MLP that every token goes through.
/// </summary>
internal static unsafe class GraniteMoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context) => Load(checkpoint, file, context, 0);

    public static MoeModel LoadShared(Checkpoint checkpoint, ConfigReader file, ComputeContext context) =>
        Load(checkpoint, file, context, file.Int("shared_intermediate_size", 0, DecoderConfig.MaxSize));

    private static Decoder Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context, int sharedWidth)
    {
        var config = DecoderConfig.Read(file);
        config.Require("position_embedding_type", "rope");
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var rows = new AttentionRows(context, config.Heads, config.KvHeads, config.HeadDim, config.Factor("attention_multiplier", 1));
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies(), rows);
        return builder.Build(builder.Parts(l => Layer(l, builder, sharedWidth), (layer, expert) => Expert(layer, expert, shape), layer => [$"{Router(layer)}.weight"]) with
        {
            EmbeddingMultiplier = config.Factor("embedding_multiplier", 1),
            LogitsDivisor = config.Factor("logits_scaling", 1),
        });
    }

    private static string Router(int layer) => $"model.layers.{layer}.block_sparse_moe.router.layer";

    private static PreNormLayer Layer(int layer, DecoderBuilder builder, int sharedWidth)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var prefix = $"model.layers.{layer}";
        return new PreNormLayer(
            builder.Norm($"{prefix}.input_layernorm"),
            builder.Attention(layer, builder.Rotate, bias, bias),
            builder.Norm($"{prefix}.post_attention_layernorm"),
            builder.Sparse(
                layer,
                new ChosenSoftmaxRouter(builder.Context, builder.Gate(Router(layer)), builder.Shape.TopK),
                sharedWidth > 0 ? Shared($"{prefix}.shared_mlp", builder, sharedWidth) : null))
        {
            ResidualMultiplier = builder.Config.Factor("residual_multiplier", 1),
        };
    }

    /// <summary>input_linear is [2 · width, hidden]: gate rows, then up rows.</summary>
    private static SharedExpert Shared(string prefix, DecoderBuilder builder, int width) => builder.Weights.Shared(new GatedMlp(
        builder.Context,
        builder.Weights.LinearRows($"{prefix}.input_linear", 2 * width, 0, width, builder.Hidden),
        builder.Weights.LinearRows($"{prefix}.input_linear", 2 * width, width, width, builder.Hidden),
        builder.Weights.Linear($"{prefix}.output_linear", builder.Hidden, width, bias: false),
        builder.Weights.Scratch));

    /// <summary>input_linear is [experts, 2 · intermediate, hidden]: gate rows, then up rows; output_linear is [experts, hidden, intermediate].</summary>
    private static ExpertPlaces Expert(int layer, int expert, ModelShape shape)
    {
        var (hidden, width) = (shape.Hidden, shape.ExpertIntermediate);
        var prefix = $"model.layers.{layer}.block_sparse_moe";
        var first = (long)expert * 2 * width * hidden;
        int[] fused = [shape.Experts, 2 * width, hidden];
        return new ExpertPlaces(
            new WeightPlace($"{prefix}.input_linear.weight", fused, width, hidden, first, hidden, 1),
            new WeightPlace($"{prefix}.input_linear.weight", fused, width, hidden, first + (long)width * hidden, hidden, 1),
            new WeightPlace($"{prefix}.output_linear.weight", [shape.Experts, hidden, width], hidden, width, (long)expert * hidden * width, width, 1));
    }
}
