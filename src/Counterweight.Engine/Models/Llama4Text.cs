using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>
/// Llama 4 (Meta 2025), text model, alone or within a <c>llama4</c> checkpoint: the router's sigmoid multiplies what an expert is given, a shared expert, layers
/// that rotate and see their chunk among layers that do neither.
/// </summary>
internal static unsafe class Llama4Text
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 500000, Epsilon = 1e-5, KvHeads = 8, HeadDim = 128 });
        config.IgnoreTraining("router_jitter_noise", "for_llm_compressor");
        var shape = config.Shape(config.Width("intermediate_size"), Sparse(config), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        return builder.Build(builder.Parts(
            l => builder.Layer(l, Attention(l, builder), Mlp(l, builder)),
            (layer, expert) => Expert($"{builder.Root}model.layers.{shape.MoeLayers[layer]}.feed_forward.experts", expert, shape),
            layer => [$"{builder.Root}model.layers.{layer}.feed_forward.router.weight"]) with
        {
            Function = new ExpertFunction(config.Activation, WeighsInput: true),
        });
    }

    private static IEnumerable<int> Sparse(DecoderConfig config)
    {
        var step = config.File.Int("interleave_moe_layer_step", 1, 4096, 1);
        return config.File.IntList("moe_layers", 0, config.Layers - 1, [.. Enumerable.Range(0, config.Layers).Where(l => (l + 1) % step == 0)]).Order();
    }

    /// <summary>Whether a layer rotates: 1 in <c>no_rope_layers</c>; without the list, all but every <c>no_rope_layer_interval</c>-th.</summary>
    private static bool Rotates(int layer, DecoderConfig config)
    {
        var interval = config.File.Int("no_rope_layer_interval", 1, 4096, 4);
        var list = config.File.IntList("no_rope_layers", 0, 1, []);
        return list.Length == 0 ? (layer + 1) % interval != 0
            : list.Length >= config.Layers ? list[layer] == 1
            : throw config.File.Refuse("no_rope_layers", $"0 or 1 for each of {config.Layers} layers");
    }

    private static SelfAttention Attention(int layer, DecoderBuilder builder)
    {
        var config = builder.Config;
        var bias = config.File.Bool("attention_bias", false);
        var tunes = config.File.Switch("attn_temperature_tuning", true);
        var (scale, floor) = (config.Factor("attn_scale", 0.1), config.Factor("floor_scale", 8192));
        var norms = config.File.Bool("use_qk_norm", true);
        var rotates = Rotates(layer, config);
        HeadPreparation ofRotating = norms ? RotateAndNorm(builder) : builder.RotatePairs;
        HeadPreparation ofOthers = tunes ? Tune : (_, _, _, _) => { };
        return builder.Attention(layer, rotates ? ofRotating : ofOthers, bias, bias, ReachOf(layer, rotates, config));

        void Tune(float* queries, float* keys, float* values, int position) =>
            VectorMath.Multiply(new Span<float>(queries, config.QueryWidth), 1 + scale * MathF.Log(1 + MathF.Floor((position + 1) / floor)));
    }

    /// <summary>A chunk or everything, as <c>layer_types</c> says; without the list, layers that rotate see their chunk.</summary>
    private static AttentionReach ReachOf(int layer, bool rotates, DecoderConfig config)
    {
        const string Key = "layer_types";
        var types = config.File.StringList(Key, []);
        if (config.File.Has(Key) && (types.Length != config.Layers || types.Any(type => type is not ("chunked_attention" or "full_attention"))))
            throw config.File.Refuse(Key, $"chunked_attention or full_attention for each of {config.Layers} layers");
        if (types.Length > 0 ? types[layer] == "full_attention" : !rotates)
            return AttentionReach.Full;
        const string Length = "attention_chunk_size";
        return config.File.IsNull(Length)
            ? throw config.File.Refuse(Length, "the length of the chunks that layers see")
            : AttentionReach.Chunk(config.File.Int(Length, 1, int.MaxValue, 8192));
    }

    private static HeadPreparation RotateAndNorm(DecoderBuilder builder)
    {
        var config = builder.Config;
        var ones = new float[config.HeadDim];
        Array.Fill(ones, 1f);
        var norm = new RmsNorm(ones, config.Epsilon);
        return (queries, keys, values, position) =>
        {
            builder.RotatePairs(queries, keys, values, position);
            norm.ApplyToHeads(queries, config.Heads, config.HeadDim);
            norm.ApplyToHeads(keys, config.KvHeads, config.HeadDim);
        };
    }

    private static FeedForward Mlp(int layer, DecoderBuilder builder)
    {
        var prefix = $"{builder.Root}model.layers.{layer}.feed_forward";
        if (!builder.Shape.MoeLayers.Contains(layer))
            return builder.Dense(prefix, "intermediate_size_mlp");
        var shared = builder.Shared($"{prefix}.shared_expert", builder.Shape.ExpertIntermediate);
        return builder.Sparse(layer, new SigmoidOfChosenRouter(builder.Context, builder.Gate($"{prefix}.router.weight"), builder.Shape.TopK), shared);
    }

    /// <summary>gate_up_proj is [experts, hidden, 2 · intermediate], gates, then ups; down_proj is [experts, intermediate, hidden].</summary>
    private static ExpertPlaces Expert(string prefix, int expert, ModelShape shape)
    {
        var (hidden, width) = (shape.Hidden, shape.ExpertIntermediate);
        int[] fused = [shape.Experts, hidden, 2 * width];
        var first = (long)expert * hidden * 2 * width;
        return new ExpertPlaces(
            new WeightPlace($"{prefix}.gate_up_proj", fused, width, hidden, first, 1, 2 * width),
            new WeightPlace($"{prefix}.gate_up_proj", fused, width, hidden, first + width, 1, 2 * width),
            new WeightPlace($"{prefix}.down_proj", [shape.Experts, width, hidden], hidden, width, (long)expert * width * hidden, 1, hidden));
    }
}
