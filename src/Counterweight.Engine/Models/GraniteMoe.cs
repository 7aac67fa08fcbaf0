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
        Load(checkpoint, file, context, file.Int("shared_intermediate_size", 0, DecoderConfig.MaxSize, 0));

    private static Decoder Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context, int sharedWidth)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults());
        config.Require("position_embedding_type", "rope");
        config.Require("norm_topk_prob", true);
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var rows = new AttentionRows(context, config.Heads, config.KvHeads, config.HeadDim, config.Factor("attention_multiplier", 1));
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies(), rows);
        return builder.Build(builder.Parts(l => Layer(l, builder, sharedWidth), (layer, expert) => Expert(layer, expert, builder), layer => [Router(layer, builder)]) with
        {
            EmbeddingMultiplier = config.Factor("embedding_multiplier", 1),
            LogitsDivisor = config.Factor("logits_scaling", 1),
        });
    }

    private static string Router(int layer, DecoderBuilder builder) =>
        builder.Named($"model.layers.{layer}.block_sparse_moe.router.layer.weight", $"model.layers.{layer}.block_sparse_moe.router.weight");

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
                new ChosenSoftmaxRouter(builder.Context, builder.Gate(Router(layer, builder)), builder.Shape.TopK),
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
        builder.Weights.Scratch,
        builder.Config.Activation));

    private static ExpertPlaces Expert(int layer, int expert, DecoderBuilder builder)
    {
        var prefix = $"model.layers.{layer}.block_sparse_moe";
        return StackedExperts.At(
            builder.Named($"{prefix}.input_linear.weight", $"{prefix}.experts.gate_up_proj"),
            builder.Named($"{prefix}.output_linear.weight", $"{prefix}.experts.down_proj"),
            expert,
            builder.Shape);
    }
}
