using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Phi-3.5-MoE (Abdin et al. 2024, "Phi-3 Technical Report"): SparseMixer routing, LayerNorm with bias, biases in attention and head, longrope.</summary>
internal static unsafe class PhiMoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 1e6, Epsilon = 1e-5, KvHeads = 8 });
        config.IgnoreTraining("input_jitter_noise");
        config.Require("num_experts_per_tok", 2);
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, Frequencies(config));
        return builder.Build(builder.Parts(
            l => Layer(l, builder),
            builder.Experts("block_sparse_moe.experts", DecoderBuilder.NumberedProjections, stacked: "mlp.experts"),
            layer => [Gate(layer, builder)],
            Norm("model.norm", builder),
            Head(builder)));
    }

    private static string Gate(int layer, DecoderBuilder builder) =>
        builder.Named($"model.layers.{layer}.block_sparse_moe.gate.weight", $"model.layers.{layer}.mlp.router.weight");

    private static Linear Head(DecoderBuilder builder)
    {
        if (!builder.Config.File.Bool("lm_head_bias", false))
            return builder.Weights.Head(builder.Config);
        builder.Config.Require("tie_word_embeddings", false);
        return builder.Weights.Linear("lm_head", builder.Config.VocabularySize, builder.Hidden, bias: true);
    }

    private static LayerNorm Norm(string name, DecoderBuilder builder) =>
        new(builder.Weights.Vector($"{name}.weight", builder.Hidden), builder.Weights.Vector($"{name}.bias", builder.Hidden), builder.Config.Epsilon);

    private static PreNormLayer Layer(int layer, DecoderBuilder builder)
    {
        var bias = builder.Config.File.Bool("attention_bias", false);
        var reach = builder.Config.ReachOf(layer, builder.Config.SlidingWindow());
        var prefix = $"model.layers.{layer}";
        var gate = builder.Gate(Gate(layer, builder));
        return new PreNormLayer(
            Norm($"{prefix}.input_layernorm", builder),
            builder.Attention(layer, builder.Rotate, bias, bias, reach),
            Norm($"{prefix}.post_attention_layernorm", builder),
            builder.Sparse(layer, new SparseMixerRouter(builder.Context, gate, builder.Config.Factor("router_jitter_noise", 0.01))));
    }

    /// <summary>Longrope multiplies cos and sin with <c>short_mscale</c> here, not by its usual rule.</summary>
    private static RotaryFrequencies Frequencies(DecoderConfig config)
    {
        if (config.Rope.Type == "default")
            return config.Frequencies();
        if (config.Rope.Type != "longrope")
            throw config.Rope.RefuseType("default or longrope: nothing else is supported for phimoe");
        var scaling = config.Rope.Scaling!;
        scaling.Ignore("long_mscale");
        return config.Frequencies() with { AttentionFactor = (float)scaling.Double("short_mscale", 0, 1e3) };
    }
}
