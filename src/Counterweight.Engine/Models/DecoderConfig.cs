using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>What every decoder's <c>config.json</c> says, in the keys of the hub.</summary>
internal sealed record DecoderConfig
{
    /// <summary>Largest width that is believed.</summary>
    public const int MaxSize = 1 << 24;

    public required ConfigReader File { get; init; }
    public required string ModelType { get; init; }
    public required int VocabularySize { get; init; }
    public required int HiddenSize { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KvHeads { get; init; }
    public required int HeadDim { get; init; }
    public required int MaxPositions { get; init; }
    public required float Epsilon { get; init; }
    public required bool TiedEmbeddings { get; init; }

    /// <summary>Reads the keys; other activations than SiLU are refused.</summary>
    /// <param name="config">The file.</param>
    /// <param name="epsilonKey">What the family calls the epsilon of its norms.</param>
    /// <param name="tied">Whether embedding and head are one where the file does not say.</param>
    public static DecoderConfig Read(ConfigReader config, string epsilonKey = "rms_norm_eps", bool tied = false)
    {
        if (config.String("hidden_act", "silu") != "silu")
            throw config.Refuse("hidden_act", "\"silu\"");
        var hidden = config.Int("hidden_size", 1, MaxSize);
        var heads = config.Int("num_attention_heads", 1, 4096);
        var kvHeads = config.Int("num_key_value_heads", 1, heads, heads);
        if (heads % kvHeads != 0)
            throw config.Refuse("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        return new DecoderConfig
        {
            File = config,
            ModelType = config.String("model_type"),
            VocabularySize = config.Int("vocab_size", 1, MaxSize),
            HiddenSize = hidden,
            Layers = config.Int("num_hidden_layers", 1, 4096),
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = config.Int("head_dim", 2, 4096, Math.Max(hidden / heads, 2)),
            MaxPositions = config.Int("max_position_embeddings", 1, int.MaxValue),
            Epsilon = (float)config.Double(epsilonKey, 0, 1, 1e-6),
            TiedEmbeddings = config.Bool("tie_word_embeddings", tied),
        };
    }

    /// <summary>Width of a token's queries.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Width of a token's keys, and of its values.</summary>
    public int KeyWidth => KvHeads * HeadDim;

    /// <summary>Attention's usual scale.</summary>
    public float AttentionScale => 1f / MathF.Sqrt(HeadDim);

    /// <summary>The frequencies that rotate whole heads.</summary>
    public RotaryFrequencies Frequencies() => HeadDim % 2 == 0
        ? RotaryFrequencies.FromConfig(File, HeadDim)
        : throw File.Refuse("head_dim", $"an even number, here hidden_size / num_attention_heads = {HeadDim} where absent: rotary embedding turns pairs");

    /// <summary>What callers need to know.</summary>
    /// <param name="expertIntermediate">Width inside an expert.</param>
    /// <param name="moeLayers">Layers that have experts, ascending.</param>
    /// <param name="experts">Logical experts.</param>
    /// <param name="topK">Experts of a token.</param>
    public ModelShape Shape(int expertIntermediate, IEnumerable<int> moeLayers, int experts, int topK) => new(
        ModelType, HiddenSize, expertIntermediate, Layers, SomeOf(moeLayers), experts, topK, VocabularySize, MaxPositions,
        File.Has("bos_token_id") ? File.Int("bos_token_id", 0, MaxSize) : null,
        // Published files name end tokens of -1 where there is none.
        [.. File.IntList("eos_token_id", -1, MaxSize, []).Where(id => id >= 0)]);

    /// <summary>The number of experts, under any of its names.</summary>
    public int Experts() => File.Int(["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"], 1, 65536);

    /// <summary>How many of them a token goes to.</summary>
    public int TopK() => File.Int(["num_experts_per_tok", "moe_k", "num_selects"], 1, Experts());

    /// <summary>A width.</summary>
    public int Width(string key) => File.Int(key, 1, MaxSize);

    /// <summary>A factor.</summary>
    public float Factor(string key, double fallback) => (float)File.Double(key, -1e6, 1e6, fallback);

    /// <summary>The layers from <c>first_k_dense_replace</c> on, every <c>moe_layer_freq</c>-th of them.</summary>
    public IEnumerable<int> SparseAfterDense()
    {
        var dense = File.Int("first_k_dense_replace", 0, Layers, 0);
        var step = File.Int("moe_layer_freq", 1, 4096, 1);
        return Enumerable.Range(0, Layers).Where(l => l >= dense && l % step == 0);
    }

    /// <summary>What <c>layer_types</c> says of a layer's attention: all keys, or a window of <c>sliding_window</c>.</summary>
    public AttentionReach ReachOf(int layer)
    {
        if (TypeOf(layer) == "full_attention")
            return AttentionReach.Full;
        return SlidingWindow() is { } width ? AttentionReach.Window(width) : throw File.Refuse("sliding_window", "the width of the windows that layer_types asks for");
    }

    /// <summary>Marks keys as known that only training reads.</summary>
    public void IgnoreTraining(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            File.Has(key);
    }

    private string TypeOf(int layer)
    {
        var types = File.StringList("layer_types", [.. Enumerable.Repeat("full_attention", Layers)]);
        return types.Length == Layers && types[layer] is "full_attention" or "sliding_attention"
            ? types[layer]
            : throw File.Refuse("layer_types", $"full_attention or sliding_attention for each of {Layers} layers");
    }

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, bool)"/>
    public void Require(string key, bool value) => File.Require(key, value);

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, string[])"/>
    public void Require(string key, params string[] values) => File.Require(key, values);

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, double)"/>
    public void Require(string key, double value) => File.Require(key, value);

    /// <summary>The width of a sliding window, or null for none.</summary>
    public int? SlidingWindow() => File.Int("sliding_window", 0, int.MaxValue, 0) is var width and > 0 ? width : null;

    private int[] SomeOf(IEnumerable<int> moeLayers) =>
        moeLayers.ToArray() is { Length: > 0 } layers ? layers : throw File.Refuse("num_hidden_layers", "at least one layer with experts");
}
