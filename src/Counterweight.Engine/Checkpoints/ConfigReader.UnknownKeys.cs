using System.Text.Json;

namespace Counterweight.Engine.Checkpoints;

public sealed partial class ConfigReader
{
    // What packaging, training and generation record, and inference on a given text doesn't depend on.
    private static readonly HashSet<string> HarmlessKeys = new(StringComparer.Ordinal)
    {
        "_name_or_path", "architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version",
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id",
        "initializer_factor", "initializer_range", "pretraining_tp", "use_cache",
        "output_attentions", "output_hidden_states", "return_dict",
        "attention_dropout", "classifier_dropout", "dropout", "dropout_rate", "embd_pdrop", "hidden_dropout", "resid_pdrop",
        "aux_loss_alpha", "output_router_logits", "router_aux_loss_coef", "router_z_loss_coef", "seq_aux",
    };

    // What changes the results of the families that have it.
    private static readonly HashSet<string> InfluentialKeys = new(StringComparer.Ordinal)
    {
        "attention_bias", "lm_head_bias", "mlp_bias", "qkv_bias", "use_bias",
        "attention_chunk_size", "attn_type_list", "index_topk", "layer_types", "sliding_window", "use_sliding_window",
        "alibi", "no_rope_layers", "no_rope_layer_interval", "partial_rotary_factor", "position_embedding_type", "rope_interleave", "rotary_dim",
        "clip_qkv", "qk_layernorm", "qk_norm", "use_qk_norm",
        "attention_multiplier", "attn_logit_softcapping", "embedding_multiplier", "final_logit_softcapping", "logit_scale", "logits_scaling", "residual_multiplier",
        "decoder_sparse_step", "first_k_dense_replace", "interleave_moe_layer_step", "mlp_layer_types", "mlp_only_layers", "moe_layer_freq",
        "moe_layer_interval", "moe_layers", "num_dense_layers",
        "moe_num_shared_experts", "n_shared_experts", "num_shared_experts", "shared_expert_intermediate_size", "shared_intermediate_size",
        "n_group", "routed_scaling_factor", "scoring_func", "topk_group", "topk_method", "use_expert_bias", "use_routing_bias",
        "swiglu_alpha", "swiglu_limit", "zero_expert_num",
    };

    /// <summary>Refuses keys that no getter asked for although they change what other families compute, unless they are switched off.</summary>
    /// <exception cref="Balancing.InvalidInputException">There is one; it is named.</exception>
    public void RefuseInfluential()
    {
        foreach (var property in _isDerived ? [] : _object.EnumerateObject().ToArray())
            if (InfluentialKeys.Contains(property.Name) && !_asked.Contains(property.Name) && !IsOff(property.Value))
                throw Wrong(property.Name, property.Value, "no such key, since models of this type have nothing of the kind");
        foreach (var nested in _nested.Values)
            nested.RefuseInfluential();
    }

    private static bool IsOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.GetDouble() is 0 or 1,
        JsonValueKind.Array => value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String && item.GetString() == "full_attention"),
        _ => false,
    };

    /// <summary>
    /// The keys with a value that no getter asked for, nested ones as <c>rope_scaling.factor</c>, in ordinal order: settings that a
    /// caller should warn of by name. Call it after everything is read.
    /// </summary>
    /// <param name="harmless">Keys that don't matter here, beyond those of packaging and training that never do.</param>
    public IReadOnlyList<string> UnknownKeys(params ReadOnlySpan<string> harmless)
    {
        if (_isDerived)
            return []; // whoever put the settings together has looked at what they come from
        var unknown = new List<string>();
        foreach (var property in _object.EnumerateObject())
            if (property.Value.ValueKind != JsonValueKind.Null && !_asked.Contains(property.Name)
                && !HarmlessKeys.Contains(property.Name) && !harmless.Contains(property.Name))
                unknown.Add(_prefix + property.Name);
        foreach (var nested in _nested.Values)
            unknown.AddRange(nested.UnknownKeys(harmless));
        unknown.Sort(StringComparer.Ordinal);
        return unknown;
    }
}
