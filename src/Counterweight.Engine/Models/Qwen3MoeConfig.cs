using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>What <c>config.json</c> says of a Qwen3-MoE model. Keys as on the hub.</summary>
internal sealed record Qwen3MoeConfig
{
    public required int VocabularySize { get; init; }
    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int MoeIntermediateSize { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KvHeads { get; init; }
    public required int HeadDim { get; init; }
    public required int Experts { get; init; }
    public required int TopK { get; init; }
    public required bool NormTopKProb { get; init; }
    public required IReadOnlyList<int> MoeLayers { get; init; }
    public required int MaxPositions { get; init; }
    public required float Epsilon { get; init; }
    public required RotaryFrequencies Rotary { get; init; }
    public required bool TiedEmbeddings { get; init; }
    public required bool AttentionBias { get; init; }
    public required int? BosToken { get; init; }
    public required IReadOnlyList<int> EosTokens { get; init; }

    public static Qwen3MoeConfig Read(ConfigReader config)
    {
        const int Size = 1 << 24;
        RefuseOthers(config);
        var hidden = config.Int("hidden_size", 1, Size);
        var heads = config.Int("num_attention_heads", 1, 4096);
        var kvHeads = config.Int("num_key_value_heads", 1, heads, heads);
        if (heads % kvHeads != 0)
            throw config.Refuse("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        var headDim = config.Int("head_dim", 2, 4096, Math.Max(hidden / heads, 2));
        if (headDim % 2 != 0)
            throw config.Refuse("head_dim", $"an even number, here hidden_size / num_attention_heads = {headDim} where absent: rotary embedding turns pairs");
        var layers = config.Int("num_hidden_layers", 1, 4096);
        var experts = config.Int(["num_experts", "num_local_experts"], 1, 65536);
        var step = config.Int("decoder_sparse_step", 1, 4096, 1);
        var dense = config.IntList("mlp_only_layers", 0, layers - 1, []);
        int[] moeLayers = [.. Enumerable.Range(0, layers).Where(l => !dense.Contains(l) && (l + 1) % step == 0)];
        if (moeLayers.Length == 0)
            throw config.Refuse(dense.Length > 0 ? "mlp_only_layers" : "decoder_sparse_step", $"at least one of the {layers} layers with experts");
        return new Qwen3MoeConfig
        {
            VocabularySize = config.Int("vocab_size", 1, Size),
            HiddenSize = hidden,
            IntermediateSize = config.Int("intermediate_size", 1, Size),
            MoeIntermediateSize = config.Int("moe_intermediate_size", 1, Size),
            Layers = layers,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            Experts = experts,
            TopK = config.Int("num_experts_per_tok", 1, experts),
            NormTopKProb = config.Bool("norm_topk_prob", false),
            MoeLayers = moeLayers,
            MaxPositions = config.Int("max_position_embeddings", 1, int.MaxValue),
            Epsilon = (float)config.Double("rms_norm_eps", 0, 1, 1e-6),
            Rotary = RotaryFrequencies.FromConfig(config, headDim),
            TiedEmbeddings = config.Bool("tie_word_embeddings", false),
            AttentionBias = config.Bool("attention_bias", false),
            BosToken = config.Has("bos_token_id") ? config.Int("bos_token_id", 0, Size) : null,
            EosTokens = config.IntList("eos_token_id", 0, Size, []),
        };
    }

    private static void RefuseOthers(ConfigReader config)
    {
        if (config.String("hidden_act", "silu") != "silu")
            throw config.Refuse("hidden_act", "\"silu\"");
        // Published files name a window and switch it off; then it is to be ignored.
        var hasWindow = config.Has("sliding_window") | config.Has("max_window_layers");
        if (config.Bool("use_sliding_window", false) && hasWindow)
            throw config.Refuse("use_sliding_window", "false: windowed attention is not supported for qwen3_moe");
    }
}
