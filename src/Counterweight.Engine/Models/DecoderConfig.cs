using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>What every decoder's <c>config.json</c> says, in the keys of the hub.</summary>
internal sealed record DecoderConfig
{
    /// <summary>Largest width that is believed.</summary>
    public const int MaxSize = 1 << 24;

    public required ConfigReader File { get; init; }
    public required RopeSettings Rope { get; init; }
    public required Activation Activation { get; init; }
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

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The file.</param>
    /// <param name="defaults">What the family has where the file does not say.</param>
    /// <param name="epsilonKey">What the family calls the epsilon of its norms.</param>
    public static DecoderConfig Read(ConfigReader config, ConfigDefaults defaults, string epsilonKey = "rms_norm_eps")
    {
        var hidden = config.Int("hidden_size", 1, MaxSize);
        var heads = config.Int("num_attention_heads", 1, 4096);
        var rope = RopeSettings.Read(config, defaults.Theta);
        var headDim = Math.Max(hidden / heads, 2);
        return new DecoderConfig
        {
            File = config,
            Rope = rope,
            Activation = Activation.Gated(config.String("hidden_act", "silu")) ?? throw config.Refuse("hidden_act", string.Join(" or ", Activation.Names)),
            ModelType = config.String("model_type"),
            VocabularySize = config.Int("vocab_size", 1, MaxSize),
            HiddenSize = hidden,
            Layers = config.Int("num_hidden_layers", 1, 4096),
            Heads = heads,
            KvHeads = ReadKvHeads(config, heads, defaults),
            HeadDim = config.Int("head_dim", 2, 4096, config.IsNull("head_dim") ? headDim : defaults.HeadDim ?? headDim),
            MaxPositions = rope.MaxPositions,
            Epsilon = (float)config.Double(epsilonKey, 0, 1, defaults.Epsilon),
            TiedEmbeddings = config.Bool("tie_word_embeddings", defaults.TiedEmbeddings),
        };
    }

    private static int ReadKvHeads(ConfigReader config, int heads, ConfigDefaults defaults)
    {
        const string Key = "num_key_value_heads";
        var kvHeads = config.Int(Key, 1, heads, config.IsNull(Key) ? heads : defaults.KvHeads ?? heads);
        return heads % kvHeads == 0 ? kvHeads : throw config.Refuse(Key, $"a divisor of num_attention_heads = {heads}, here {kvHeads} where absent");
    }

    /// <summary>Width of a token's queries.</summary>
    public int QueryWidth => Heads * HeadDim;

    /// <summary>Width of a token's keys, and of its values.</summary>
    public int KeyWidth => KvHeads * HeadDim;

    /// <summary>Attention's usual scale.</summary>
    public float AttentionScale => 1f / MathF.Sqrt(HeadDim);

    /// <summary>The frequencies that rotate whole heads.</summary>
    public RotaryFrequencies Frequencies() => HeadDim % 2 == 0
        ? RotaryFrequencies.Of(Rope, HeadDim)
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
    public int TopK() => File.Int(["num_experts_per_tok", "moe_k", "num_selects", "experts_per_token"], 1, Experts());

    /// <summary>How many experts every token goes through; <c>null</c> means none.</summary>
    /// <param name="fallback">How many where the file does not say.</param>
    public int SharedExperts(int fallback)
    {
        string[] names = ["n_shared_experts", "num_shared_experts", "moe_num_shared_experts"];
        return File.Int(names, 0, 1024, names.Any(File.IsNull) ? 0 : fallback);
    }

    /// <summary>A width.</summary>
    public int Width(string key) => File.Int(key, 1, MaxSize);

    /// <summary>A factor.</summary>
    public float Factor(string key, double fallback) => (float)File.Double(key, -1e6, 1e6, fallback);

    /// <summary>The layers from <c>first_k_dense_replace</c> on, every <c>moe_layer_freq</c>-th of them.</summary>
    /// <param name="dense">How many layers are dense where the file does not say.</param>
    public IEnumerable<int> SparseAfterDense(int dense)
    {
        dense = File.Int("first_k_dense_replace", 0, Layers, dense);
        var step = File.Int("moe_layer_freq", 1, 4096, 1);
        return Enumerable.Range(0, Layers).Where(l => l >= dense && l % step == 0);
    }

    /// <summary>What a layer's queries see: all keys, or a window.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="window">Width of windows; null for none.</param>
    /// <param name="windowed">Whether a layer has a window where <c>layer_types</c> does not say; null for all.</param>
    public AttentionReach ReachOf(int layer, int? window, Func<int, bool>? windowed = null)
    {
        const string Key = "layer_types";
        var types = File.StringList(Key, []);
        if (!File.Has(Key))
            return window is { } width && windowed?.Invoke(layer) != false ? AttentionReach.Window(width) : AttentionReach.Full;
        if (types.Length != Layers || types.Any(type => type is not ("full_attention" or "sliding_attention")))
            throw File.Refuse(Key, $"full_attention or sliding_attention for each of {Layers} layers");
        return types[layer] == "full_attention" ? AttentionReach.Full
            : window is { } given ? AttentionReach.Window(given)
            : throw File.Refuse("sliding_window", "the width of the windows that layer_types asks for");
    }

    /// <summary>The width of windows, or null for none; <c>null</c> and 0 mean none.</summary>
    /// <param name="fallback">The width where the file has no key.</param>
    public int? SlidingWindow(int? fallback = null) =>
        File.Int("sliding_window", 0, int.MaxValue, File.IsNull("sliding_window") ? 0 : fallback ?? 0) is var width and > 0 ? width : null;

    /// <summary>Marks keys as known that only training reads.</summary>
    public void IgnoreTraining(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
            File.Has(key);
    }

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, bool)"/>
    public void Require(string key, bool value) => File.Require(key, value);

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, string[])"/>
    public void Require(string key, params string[] values) => File.Require(key, values);

    /// <inheritdoc cref="ConfigSwitches.Require(ConfigReader, string, double)"/>
    public void Require(string key, double value) => File.Require(key, value);

    private int[] SomeOf(IEnumerable<int> moeLayers) =>
        moeLayers.ToArray() is { Length: > 0 } layers ? layers : throw File.Refuse("num_hidden_layers", "at least one layer with experts");
}
