using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Phi-3.5-MoE (Abdin et al. 2024, "Phi-3 Technical Report"): SparseMixer routing, LayerNorm with bias, biases in attention and head, longrope.</summary>
internal static unsafe class PhiMoe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        config.IgnoreTraining("input_jitter_noise");
        config.Require("num_experts_per_tok", 2);
        var scaling = file.OptionalObject("rope_scaling") ?? file.OptionalObject("rope_parameters");
        var (frequencies, longest) = scaling?.String(["rope_type", "type"], "default") == "longrope"
            ? LongRope(config, scaling)
            : (config.Frequencies(), config.MaxPositions);
        var shape = config.Shape(config.Width("intermediate_size"), Enumerable.Range(0, config.Layers), config.Experts(), config.TopK()) with { MaxPositions = longest };
        var builder = new DecoderBuilder(checkpoint, context, config, shape, frequencies);
        return builder.Build(builder.Parts(
            l => Layer(l, builder),
            (layer, expert) => SeparateExperts.At($"model.layers.{layer}.block_sparse_moe.experts.{expert}", shape, gate: "w1", up: "w3", down: "w2"),
            layer => [$"model.layers.{layer}.block_sparse_moe.gate.weight"],
            Norm("model.norm", builder),
            Head(builder)));
    }

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
        var reach = builder.Config.SlidingWindow() is { } width ? AttentionReach.Window(width) : AttentionReach.Full;
        var prefix = $"model.layers.{layer}";
        var gate = builder.Gate($"{prefix}.block_sparse_moe.gate");
        return new PreNormLayer(
            Norm($"{prefix}.input_layernorm", builder),
            builder.Attention(layer, builder.Rotate, bias, bias, reach),
            Norm($"{prefix}.post_attention_layernorm", builder),
            builder.Sparse(layer, new SparseMixerRouter(builder.Context, gate, builder.Config.Factor("router_jitter_noise", 0.01))));
    }

    /// <summary>
    /// The short factors, and cos and sin times <c>short_mscale</c>. Texts beyond the original length would need the long factors for keys that are cached
    /// already, so the model's longest text is the original length.
    /// </summary>
    private static (RotaryFrequencies Frequencies, int Longest) LongRope(DecoderConfig config, ConfigReader scaling)
    {
        var half = config.HeadDim / 2;
        var factors = scaling.DoubleList("short_factor", 1e-6, 1e9);
        if (factors.Length != half)
            throw scaling.Refuse("short_factor", $"{half} factors, one for each pair of dimensions");
        scaling.Has("long_factor");
        scaling.Has("long_mscale");
        var key = "original_max_position_embeddings";
        var longest = scaling.Has(key) ? scaling.Int(key, 1, int.MaxValue) : config.File.Int(key, 1, int.MaxValue);
        config.File.Has(key);
        var theta = scaling.Has("rope_theta") ? scaling.Double("rope_theta", 1, 1e12) : config.File.Double("rope_theta", 1, 1e12, 10000);
        var plain = RotaryFrequencies.Plain(config.HeadDim, theta);
        float[] inverse = [.. plain.Inverse.Select((frequency, i) => (float)(frequency / factors[i]))];
        return (new RotaryFrequencies(inverse, (float)scaling.Double("short_mscale", 0, 1e3)), Math.Min(longest, config.MaxPositions));
    }
}
