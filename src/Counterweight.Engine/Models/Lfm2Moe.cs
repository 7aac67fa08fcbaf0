using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>LFM2-MoE (Amini et al. 2025, "LFM2 Technical Report"): short convolutions between attention layers, sigmoid router with a bias in the choice only.</summary>
internal static unsafe class Lfm2Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file, new ConfigDefaults { Theta = 1e6, Epsilon = 1e-5, KvHeads = 8, TiedEmbeddings = true }, epsilonKey: "norm_eps");
        // The older name of the switch wins.
        config = config with { TiedEmbeddings = file.Bool("tie_embedding", config.TiedEmbeddings) };
        config.Require("hidden_act", "silu");
        var types = file.StringList("layer_types");
        if (types.Length != config.Layers || types.Any(type => type is not ("conv" or "full_attention")))
            throw file.Refuse("layer_types", $"conv or full_attention for each of {config.Layers} layers");
        var dense = file.Int("num_dense_layers", 0, config.Layers, 2);
        var shape = config.Shape(config.Width("moe_intermediate_size"), Enumerable.Range(dense, config.Layers - dense), config.Experts(), config.TopK());
        var builder = new DecoderBuilder(checkpoint, context, config, shape, config.Frequencies());
        var convolutions = types.Count(type => type == "conv");
        return builder.Build(builder.Parts(
            l => Layer(l, types, builder),
            builder.Experts("feed_forward.experts", DecoderBuilder.NumberedProjections),
            layer => [.. RouterTensors(layer, config)],
            builder.Norm("model.embedding_norm")) with
        {
            KvPages = builder.Rows.KvPages(config.Layers - convolutions, convolutions, config.HiddenSize),
        });
    }

    private static PreNormLayer Layer(int layer, string[] types, DecoderBuilder builder)
    {
        // Caches hold attention layers and convolutions apart, each counted by itself.
        var place = types.Take(layer).Count(type => type == types[layer]);
        var prefix = $"model.layers.{layer}";
        return new PreNormLayer(
            builder.Norm($"{prefix}.operator_norm"),
            types[layer] == "conv" ? Convolution(place, $"{prefix}.conv", builder) : Attention(place, $"{prefix}.self_attn", builder),
            builder.Norm($"{prefix}.ffn_norm"),
            Mlp(layer, $"{prefix}.feed_forward", builder));
    }

    private static SelfAttention Attention(int place, string prefix, DecoderBuilder builder)
    {
        var (config, weights, hidden) = (builder.Config, builder.Weights, builder.Hidden);
        return new SelfAttention(
            builder.Rows,
            place,
            weights.Linear($"{prefix}.q_proj", config.QueryWidth, hidden, bias: false),
            weights.Linear($"{prefix}.k_proj", config.KeyWidth, hidden, bias: false),
            weights.Linear($"{prefix}.v_proj", config.KeyWidth, hidden, bias: false),
            weights.Linear($"{prefix}.out_proj", hidden, config.QueryWidth, bias: false),
            builder.NormHeadsAndRotate($"{prefix}.q_layernorm", $"{prefix}.k_layernorm"));
    }

    private static ShortConvolution Convolution(int place, string prefix, DecoderBuilder builder)
    {
        var (weights, hidden) = (builder.Weights, builder.Hidden);
        var bias = builder.Config.File.Bool("conv_bias", false);
        var taps = builder.Config.File.Int("conv_L_cache", 1, 1024, 3);
        return new ShortConvolution(
            builder.Context,
            place,
            weights.Linear($"{prefix}.in_proj", 3 * hidden, hidden, bias),
            weights.Vector($"{prefix}.conv.weight", hidden, 1, taps),
            bias ? weights.Vector($"{prefix}.conv.bias", hidden) : null,
            weights.Linear($"{prefix}.out_proj", hidden, hidden, bias),
            weights.Scratch);
    }

    private static FeedForward Mlp(int layer, string prefix, DecoderBuilder builder)
    {
        var (config, weights, shape) = (builder.Config, builder.Weights, builder.Shape);
        if (!shape.MoeLayers.Contains(layer))
        {
            var width = config.Width("intermediate_size");
            return new DenseFeedForward(new GatedMlp(
                builder.Context,
                weights.Linear($"{prefix}.w1", width, builder.Hidden, bias: false),
                weights.Linear($"{prefix}.w3", width, builder.Hidden, bias: false),
                weights.Linear($"{prefix}.w2", builder.Hidden, width, bias: false),
                weights.Scratch));
        }
        var bias = config.File.Bool("use_expert_bias", true) ? weights.Vector($"{prefix}.expert_bias", shape.Experts) : null;
        return builder.Sparse(layer, new SigmoidRouter(builder.Context, builder.Gate($"{prefix}.gate.weight"), shape.TopK, bias)
        {
            Renormalise = config.File.Bool("norm_topk_prob", true),
            SumEpsilon = 1e-6f,
            Factor = config.Factor("routed_scaling_factor", 1),
        });
    }

    private static IEnumerable<string> RouterTensors(int layer, DecoderConfig config)
    {
        yield return $"model.layers.{layer}.feed_forward.gate.weight";
        if (config.File.Bool("use_expert_bias", true))
            yield return $"model.layers.{layer}.feed_forward.expert_bias";
    }
}
