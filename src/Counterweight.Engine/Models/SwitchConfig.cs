using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Models;

/// <summary>The <c>config.json</c> of a Switch Transformer.</summary>
internal sealed class SwitchConfig
{
    private const int MaxLayers = 4096;
    private const int DefaultSparseLayers = 3; // of either stack

    private readonly ConfigReader _file;

    /// <summary>Reads the keys; switches that are not computed are refused.</summary>
    public SwitchConfig(ConfigReader file)
    {
        _file = file;
        Hidden = file.Int("d_model", 1, DecoderConfig.MaxSize);
        Heads = file.Int("num_heads", 1, 4096);
        HeadDim = file.Int("d_kv", 1, 4096);
        EncoderLayers = file.Int("num_layers", 1, MaxLayers);
        DecoderLayers = file.Int("num_decoder_layers", 1, MaxLayers, EncoderLayers);
        Buckets = file.Int("relative_attention_num_buckets", 4, 1 << 16, 32);
        MaxDistance = file.Int("relative_attention_max_distance", Buckets / 2 + 1, 1 << 20, 128);
        Epsilon = (float)file.Double("layer_norm_epsilon", 0, 1, 1e-6);
        Capacity = file.Int("expert_capacity", 1, int.MaxValue, 64);
        RouterBias = file.Bool("router_bias", false);
        TiedEmbeddings = file.Bool("tie_word_embeddings", true);
        SparseEncoderLayers = Sparse("encoder", EncoderLayers);
        SparseDecoderLayers = Sparse("decoder", DecoderLayers);
        Activation = Activation.Plain(file.String(["dense_act_fn", "feed_forward_proj"], "relu")) ?? throw file.Refuse(
            file.Has("dense_act_fn") ? "dense_act_fn" : "feed_forward_proj", $"{string.Join(" or ", Activation.Names)}: gated ones are not supported");
        RefuseOthers();
    }

    public int Hidden { get; }

    public int Heads { get; }

    public int HeadDim { get; }

    public int EncoderLayers { get; }

    public int DecoderLayers { get; }

    public int Buckets { get; }

    public int MaxDistance { get; }

    public float Epsilon { get; }

    /// <summary>Tokens of a text that an expert takes.</summary>
    public int Capacity { get; }

    public bool RouterBias { get; }

    /// <summary>Whether both stacks and the head have one table; then logits are scaled down.</summary>
    public bool TiedEmbeddings { get; }

    /// <summary>Blocks of the encoder that have experts.</summary>
    public int[] SparseEncoderLayers { get; }

    /// <summary>Blocks of the decoder that have experts.</summary>
    public int[] SparseDecoderLayers { get; }

    public Activation Activation { get; }

    public ModelShape Shape()
    {
        int[] sparse = [.. SparseEncoderLayers, .. SparseDecoderLayers.Select(layer => EncoderLayers + layer)];
        if (sparse.Length == 0)
            throw _file.Refuse("num_sparse_encoder_layers", "at least one layer with experts");
        return new ModelShape(
            _file.String("model_type"), Hidden, _file.Int("d_ff", 1, DecoderConfig.MaxSize), EncoderLayers + DecoderLayers, sparse,
            _file.Int("num_experts", 1, 65536), TopK: 1, _file.Int("vocab_size", 1, DecoderConfig.MaxSize), _file.Int("n_positions", 2, int.MaxValue, 512),
            _file.Has("bos_token_id") ? _file.Int("bos_token_id", 0, DecoderConfig.MaxSize) : null,
            _file.IntList("eos_token_id", 0, DecoderConfig.MaxSize, []))
        {
            EncoderLayers = EncoderLayers,
            DecoderStart = _file.Int(_file.Has("decoder_start_token_id") ? "decoder_start_token_id" : "pad_token_id", 0, DecoderConfig.MaxSize),
        };
    }

    /// <summary>
    /// Every step-th block, from the second on; the step follows from the number of sparse blocks, as in the reference. Where that is 0 the step says what there is:
    /// older releases write the number of layers and have one such block all the same.
    /// </summary>
    private int[] Sparse(string stack, int layers)
    {
        var (countKey, stepKey) = ($"num_sparse_{stack}_layers", $"{stack}_sparse_step");
        var given = _file.Int(stepKey, 0, MaxLayers, -1);
        var count = _file.Int(countKey, 0, layers, -1);
        if (count < 0 && given < 0)
            count = DefaultSparseLayers;
        var step = count > 0 ? layers / count : Math.Max(given, 0);
        if (count > 0 && given >= 0 && given != step)
            throw _file.Refuse(stepKey, $"{step}, which is what follows from {countKey} = {count} of {layers} layers");
        return step == 0 ? [] : [.. Enumerable.Range(0, layers).Where(l => step == 1 || l % step == 1)];
    }

    private void RefuseOthers()
    {
        _file.Require("is_gated_act", false);
        _file.Require("is_encoder_decoder", true);
        _file.Require("is_decoder", false);
        _file.Require("router_dtype", "float32");
        _file.Require("router_type", "tokens_masked");
        _file.Require("batch_prioritized_routing", false);
        _file.Require("num_selected_experts", 1);
        // Read in training, at packaging, or where there is padding: here is none.
        foreach (var key in (string[])["router_jitter_noise", "router_ignore_padding_tokens", "add_router_probs", "add_cross_attention", "output_past", "task_specific_params"])
            _file.Has(key);
    }
}
