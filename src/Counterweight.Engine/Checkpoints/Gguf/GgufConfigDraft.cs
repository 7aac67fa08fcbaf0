using System.Text.Json.Nodes;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The <c>config.json</c> that a file's metadata stands for, while it is put together.</summary>
internal sealed class GgufConfigDraft
{
    private const int MaxLayers = 4096;
    private const int MaxHeadDim = 65536;

    private readonly JsonObject _config = [];

    private GgufConfigDraft(GgufArchitecture architecture, GgufTensors tensors)
    {
        Tensors = tensors;
        Keys = new GgufKeys(tensors.Metadata, architecture.Name);
        Layers = InRange("block_count", Keys.Integer("block_count") - Keys.Integer("nextn_predict_layers", 0), MaxLayers);
        HeadDim = InRange(
            "attention.key_length", Keys.Integer("attention.key_length", Keys.Integer("embedding_length") / Math.Max(Keys.Uniform("attention.head_count"), 1)), MaxHeadDim);
    }

    /// <summary>The architecture's own keys.</summary>
    public GgufKeys Keys { get; }

    /// <summary>The file's tensors.</summary>
    public GgufTensors Tensors { get; }

    /// <summary>Layers, without those that predict further tokens.</summary>
    public int Layers { get; }

    /// <summary>Dimensions of a head.</summary>
    public int HeadDim { get; }

    /// <summary>Layers that have experts.</summary>
    public IEnumerable<int> MoeLayers => Enumerable.Range(0, Layers).Where(Tensors.HasExperts);

    /// <summary>A setting.</summary>
    public JsonNode? this[string key]
    {
        get => _config[key];
        set => _config[key] = value;
    }

    /// <summary>Makes the whole config.</summary>
    /// <exception cref="Balancing.InvalidInputException">A key is missing, of another type, or stands for what isn't supported.</exception>
    public static JsonObject Make(GgufArchitecture architecture, GgufTensors tensors)
    {
        var draft = new GgufConfigDraft(architecture, tensors);
        draft["model_type"] = architecture.ModelTypes[0];
        draft.AddSizes();
        draft.AddTokens();
        GgufRope.Add(draft);
        architecture.Configure(draft);
        draft.Keys.RefuseUnknown();
        return draft._config;
    }

    /// <summary>Whether layer 0 or the first layer with experts has the tensor.</summary>
    public bool Has(string part) => Tensors.Has($"blk.0.{part}") || MoeLayers.Take(1).Any(layer => Tensors.Has($"blk.{layer}.{part}"));

    /// <summary>Size of a dimension of a tensor in the first layer that has it, or 0.</summary>
    public long SizeOf(string part, int dimension) =>
        Enumerable.Range(0, Layers).Select(layer => Tensors.Find($"blk.{layer}.{part}")).FirstOrDefault(tensor => tensor is not null) is { } tensor
            ? tensor.Shape.ElementAtOrDefault(dimension)
            : 0;

    /// <summary>The router's scoring must be what the family computes.</summary>
    /// <param name="function">1: softmax, 2: sigmoid, 3: softmax over the chosen.</param>
    public void RequireGating(int function) => Keys.Require("expert_gating_func", function);

    /// <summary>Whole heads rotate.</summary>
    public void RequireWholeRotation() => Keys.Require("rope.dimension_count", HeadDim);

    /// <summary>The first layers are dense, all others sparse; shared experts; groups and weights of the router.</summary>
    public void AddDeepseekKeys()
    {
        this["first_k_dense_replace"] = Keys.Integer("leading_dense_block_count", 0);
        this["n_shared_experts"] = Keys.Integer("expert_shared_count", 0);
        this["n_group"] = Math.Max(Keys.Integer("expert_group_count", 1), 1);
        this["topk_group"] = Math.Max(Keys.Integer("expert_group_used_count", 1), 1);
        this["norm_topk_prob"] = Keys.Bool("expert_weights_norm", false);
        // 0 is what files have that know no factor.
        this["routed_scaling_factor"] = Keys.Number("expert_weights_scale", 1) is not 0 and var factor ? factor : 1;
    }

    private void AddSizes()
    {
        this["hidden_size"] = Keys.Integer("embedding_length");
        this["num_hidden_layers"] = Layers;
        var heads = Keys.Uniform("attention.head_count");
        this["num_attention_heads"] = heads;
        // Layers of another kind than attention stand in the list with 0.
        this["num_key_value_heads"] = Keys.Largest("attention.head_count_kv", heads);
        this["head_dim"] = HeadDim;
        if (!Keys.Has("attention.kv_lora_rank"))
            Keys.Require("attention.value_length", HeadDim);
        Keys.Ignore("attention.value_length", "vocab_size", "expert_shared_count", "feed_forward_length", "expert_feed_forward_length", "rope.dimension_count");
        this["max_position_embeddings"] = Math.Min(Keys.Integer("context_length"), int.MaxValue);
        this["rms_norm_eps"] = Keys.Number(Keys.Has("attention.layer_norm_epsilon") && !Keys.Has("attention.layer_norm_rms_epsilon")
            ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon");
        this["vocab_size"] = Tensors.Find("token_embd.weight")?.Shape[0];
        this["tie_word_embeddings"] = !Tensors.Has("output.weight");
        this["num_experts"] = Keys.Integer("expert_count");
        this["num_experts_per_tok"] = Keys.Integer("expert_used_count");
        this["attention_bias"] = Has("attn_q.bias") || Has("attn_qkv.bias");
        this["intermediate_size"] = Keys.Has("feed_forward_length") ? Keys.Largest("feed_forward_length") : SizeOf("ffn_gate.weight", 0);
        this["moe_intermediate_size"] = ExpertWidth();
    }

    /// <summary>Width inside an expert.</summary>
    public long ExpertWidth() => Keys.Has("expert_feed_forward_length") ? Keys.Uniform("expert_feed_forward_length")
        : SizeOf("ffn_gate_exps.weight", 1) is > 0 and var stacked ? stacked
        : SizeOf("ffn_gate.0.weight", 0) is > 0 and var single ? single
        : Keys.Uniform("feed_forward_length");

    /// <summary>Some files have the largest number where there is no such token.</summary>
    private bool IsToken(long id) => id >= 0 && id < (Tensors.Find("token_embd.weight")?.Shape[0] ?? 0);

    private int InRange(string key, long value, int max) => value >= 1 && value <= max ? (int)value : throw Keys.Refuse(key, $"what makes a number from 1 to {max}");

    private void AddTokens()
    {
        var metadata = Tensors.Metadata;
        const string Start = "tokenizer.ggml.bos_token_id";
        if (metadata.Has(Start) && IsToken(metadata.Integer(Start)))
            this["bos_token_id"] = metadata.Integer(Start);
        string[] ends = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
        this["eos_token_id"] = new JsonArray([.. ends.Where(metadata.Has).Select(key => metadata.Integer(key)).Where(IsToken).Distinct().Select(id => (JsonNode)id)]);
    }
}
