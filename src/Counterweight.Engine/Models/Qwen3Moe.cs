using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Models;

/// <summary>Qwen3-MoE (Yang et al. 2025, "Qwen3 Technical Report"): per-head q/k norm, softmax top-k router without shared experts.</summary>
internal static unsafe class Qwen3Moe
{
    public static MoeModel Load(Checkpoint checkpoint, ConfigReader file, ComputeContext context)
    {
        var config = DecoderConfig.Read(file);
        RefuseWindow(config);
        var experts = file.Int(["num_experts", "num_local_experts"], 1, 65536);
        var shape = config.Shape(file.Int("moe_intermediate_size", 1, DecoderConfig.MaxSize), QwenLayers.Sparse(config), experts, file.Int("num_experts_per_tok", 1, experts));
        var weights = new WeightLoader(checkpoint, context);
        var rotary = new RotaryEmbedding(RotaryFrequencies.FromConfig(file, config.HeadDim));
        var rows = new AttentionRows(context, config.Heads, config.KvHeads, config.HeadDim, config.AttentionScale);
        return new Decoder(weights, new DecoderParts
        {
            Shape = shape,
            Embedding = weights.Embedding("model.embed_tokens.weight", config.VocabularySize, config.HiddenSize),
            Layers = [.. Enumerable.Range(0, config.Layers).Select(l => Layer(l, config, shape, weights, rows, rotary))],
            FinalNorm = weights.RmsNorm("model.norm", config.HiddenSize, config.Epsilon),
            Head = weights.Head(config),
            Attention = rows,
            Rotary = rotary,
            NewSequence = () => new KvSequence(config.Layers, config.KvHeads, config.HeadDim),
            Experts = (layer, expert) => SeparateExperts.At($"model.layers.{shape.MoeLayers[layer]}.mlp.experts.{expert}", shape),
            Routers = layer => [$"model.layers.{layer}.mlp.gate.weight"],
        });
    }

    private static PreNormLayer Layer(int number, DecoderConfig config, ModelShape shape, WeightLoader weights, AttentionRows rows, RotaryEmbedding rotary)
    {
        var prefix = $"model.layers.{number}";
        return new PreNormLayer(
            weights.RmsNorm($"{prefix}.input_layernorm", config.HiddenSize, config.Epsilon),
            Attention(number, $"{prefix}.self_attn", config, weights, rows, rotary),
            weights.RmsNorm($"{prefix}.post_attention_layernorm", config.HiddenSize, config.Epsilon),
            Mlp(number, $"{prefix}.mlp", config, shape, weights));
    }

    private static SelfAttention Attention(int number, string prefix, DecoderConfig config, WeightLoader weights, AttentionRows rows, RotaryEmbedding rotary)
    {
        var bias = config.File.Bool("attention_bias", false);
        var queryNorm = weights.RmsNorm($"{prefix}.q_norm", config.HeadDim, config.Epsilon);
        var keyNorm = weights.RmsNorm($"{prefix}.k_norm", config.HeadDim, config.Epsilon);
        return new SelfAttention(
            rows,
            number,
            weights.Linear($"{prefix}.q_proj", config.QueryWidth, config.HiddenSize, bias),
            weights.Linear($"{prefix}.k_proj", config.KeyWidth, config.HiddenSize, bias),
            weights.Linear($"{prefix}.v_proj", config.KeyWidth, config.HiddenSize, bias),
            weights.Linear($"{prefix}.o_proj", config.HiddenSize, config.QueryWidth, bias),
            (queries, keys, _, position) =>
            {
                queryNorm.ApplyToHeads(queries, config.Heads, config.HeadDim);
                keyNorm.ApplyToHeads(keys, config.KvHeads, config.HeadDim);
                rotary.RotateHeads(queries, config.Heads, config.HeadDim, position);
                rotary.RotateHeads(keys, config.KvHeads, config.HeadDim, position);
            });
    }

    private static FeedForward Mlp(int number, string prefix, DecoderConfig config, ModelShape shape, WeightLoader weights)
    {
        if (!shape.MoeLayers.Contains(number))
            return new DenseFeedForward(weights.Mlp(prefix, config.File.Int("intermediate_size", 1, DecoderConfig.MaxSize), config.HiddenSize));
        var gate = weights.Linear($"{prefix}.gate", shape.Experts, config.HiddenSize, bias: false);
        var router = new TopKRouter(weights.Context, gate, shape.TopK, config.File.Bool("norm_topk_prob", false));
        return new SparseFeedForward(router, shape.BankOf(number));
    }

    private static void RefuseWindow(DecoderConfig config)
    {
        // Published files name a window and switch it off; then it is to be ignored.
        var hasWindow = config.File.Has("sliding_window") | config.File.Has("max_window_layers");
        if (config.File.Bool("use_sliding_window", false) && hasWindow)
            throw config.File.Refuse("use_sliding_window", "false: windowed attention is not supported for qwen3_moe");
    }
}
