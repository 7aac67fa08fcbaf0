using System.Text.Json.Nodes;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>A key that is absent means what the configuration class of its family says, or else the same as the lists that a file may have instead.</summary>
public sealed class ConfigDefaultTests
{
    // Folder, then the defaults of transformers 5 (of the authors' classes for deepseek and llama_moe).
    private static readonly (string Folder, string Defaults)[] Published =
    [
        ("mixtral_window", """{"rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "tie_word_embeddings": false, "hidden_act": "silu", "sliding_window": null}"""),
        ("qwen2_moe", """{"rms_norm_eps": 1e-6, "rope_theta": 10000, "norm_topk_prob": false, "qkv_bias": true, "decoder_sparse_step": 1, "mlp_only_layers": [], "use_sliding_window": false}"""),
        ("qwen3_moe_raw_weights", """{"rms_norm_eps": 1e-6, "rope_theta": 10000, "norm_topk_prob": false, "attention_bias": false, "mlp_only_layers": [], "num_key_value_heads": 4}"""),
        ("olmoe_clip", """{"rms_norm_eps": 1e-5, "rope_theta": 10000, "norm_topk_prob": false, "clip_qkv": null, "attention_bias": false, "num_key_value_heads": null}"""),
        ("flex_olmo", """{"rms_norm_eps": 1e-6, "rope_theta": 500000, "norm_topk_prob": false, "attention_bias": false}"""),
        ("deepseek", """{"norm_topk_prob": false, "moe_layer_freq": 1, "first_k_dense_replace": 0, "scoring_func": "softmax", "n_shared_experts": null, "rms_norm_eps": 1e-6}"""),
        ("deepseek_v2", """{"routed_scaling_factor": 1.0, "topk_method": "greedy", "n_shared_experts": 2, "first_k_dense_replace": 0, "q_lora_rank": 1536, "n_group": null, "norm_topk_prob": false}"""),
        ("deepseek_v2_lite", """{"routed_scaling_factor": 1.0, "topk_method": "greedy", "n_shared_experts": 2, "first_k_dense_replace": 0, "q_lora_rank": 1536, "mlp_bias": false}"""),
        ("deepseek_v3", """{"routed_scaling_factor": 2.5, "norm_topk_prob": true, "n_group": 8, "topk_group": 4, "first_k_dense_replace": 3, "n_shared_experts": 1, "rope_interleave": true}"""),
        ("deepseek_v3_yarn", """{"routed_scaling_factor": 2.5, "norm_topk_prob": true, "n_shared_experts": 1, "q_lora_rank": 1536, "attention_bias": false}"""),
        ("granitemoe", """{"embedding_multiplier": 1, "attention_multiplier": 1, "residual_multiplier": 1, "logits_scaling": 1, "rms_norm_eps": 1e-6, "attention_bias": false, "tie_word_embeddings": false}"""),
        ("granitemoeshared", """{"shared_intermediate_size": 0, "embedding_multiplier": 1, "rope_theta": 10000}"""),
        ("phimoe", """{"rms_norm_eps": 1e-5, "rope_theta": 1e6, "router_jitter_noise": 0.01, "attention_bias": false, "lm_head_bias": false, "num_key_value_heads": 8}"""),
        ("gpt_oss", """{"rms_norm_eps": 1e-5, "rope_theta": 150000, "swiglu_limit": 7, "swiglu_alpha": 1.702, "sliding_window": 128, "attention_bias": true, "head_dim": 64, "rope_scaling": {"rope_type": "yarn", "factor": 32, "beta_fast": 32, "beta_slow": 1, "truncate": false, "original_max_position_embeddings": 4096}}"""),
        ("gpt_oss_clamp", """{"swiglu_limit": 7}"""),
        ("glm4_moe", """{"rms_norm_eps": 1e-5, "partial_rotary_factor": 0.5, "first_k_dense_replace": 1, "n_shared_experts": 1, "routed_scaling_factor": 1, "norm_topk_prob": true, "use_qk_norm": false, "attention_bias": false}"""),
        ("ernie4_5_moe", """{"rms_norm_eps": 1e-5, "rope_theta": 500000, "moe_layer_start_index": 1, "moe_layer_end_index": -1, "moe_layer_interval": 1, "moe_norm_min": 1e-12, "tie_word_embeddings": true, "moe_num_shared_experts": 2, "num_key_value_heads": 4}"""),
        ("hunyuan_v1_moe", """{"rms_norm_eps": 1e-5, "rope_theta": 10000, "attention_bias": false}"""),
        ("dots1", """{"norm_topk_prob": false, "routed_scaling_factor": 1, "n_shared_experts": null, "first_k_dense_replace": 0, "n_group": 1, "max_window_layers": 62, "sliding_window": 4096, "rms_norm_eps": 1e-6}"""),
        ("exaone_moe", """{"rms_norm_eps": 1e-5, "routed_scaling_factor": 2.5, "norm_topk_prob": true, "num_shared_experts": 1, "sliding_window": 4096, "first_k_dense_replace": 1}"""),
        ("lfm2_moe", """{"norm_eps": 1e-5, "rope_theta": 1e6, "num_dense_layers": 2, "conv_L_cache": 3, "use_expert_bias": true, "routed_scaling_factor": 1, "norm_topk_prob": true, "tie_word_embeddings": true, "conv_bias": false}"""),
        ("lfm2_moe_bias", """{"routed_scaling_factor": 1, "conv_bias": false}"""),
        ("llama4_text", """{"rms_norm_eps": 1e-5, "rope_theta": 500000, "head_dim": 128, "attention_chunk_size": 8192, "attn_scale": 0.1, "floor_scale": 8192, "attn_temperature_tuning": true, "use_qk_norm": true}"""),
        ("minimax_m2", """{"rms_norm_eps": 1e-6, "rope_theta": 5e6, "head_dim": 128, "num_key_value_heads": 8}"""),
        ("llama_moe", """{"rms_norm_eps": 1e-6, "score_scale_factor": 1, "gate_network": "mlp", "gate_use_softmax": true, "multiply_gate_scores": true}"""),
        ("switch_transformers_capacity", """{"layer_norm_epsilon": 1e-6, "dense_act_fn": "relu", "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "expert_capacity": 64, "router_bias": false, "tie_word_embeddings": true}"""),
    ];

    public static TheoryData<string, string> Keys()
    {
        var cases = new TheoryData<string, string>();
        foreach (var (folder, defaults) in Published.Where(entry => GoldenModels.Folders().Contains(entry.Folder)))
            foreach (var (key, _) in JsonNode.Parse(defaults)!.AsObject())
                cases.Add(folder, key);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void An_absent_key_is_its_published_default(string folder, string key)
    {
        var value = JsonNode.Parse(Published.Single(entry => entry.Folder == folder).Defaults)![key];
        var absent = ConfigOutcome.Of(folder, config => config.Remove(key));
        var named = ConfigOutcome.Of(folder, config => config[key] = value?.DeepClone());
        Assert.True(absent.IsSameAs(named), $"absent: {absent.Refused?.Message ?? "runs"}; as published: {named.Refused?.Message ?? "runs"}");
    }

    /// <summary>What follows from a number where a file has no list: as the folder's list.</summary>
    [Theory]
    [InlineData("gpt_oss", "layer_types")]
    [InlineData("gpt_oss_clamp", "layer_types")]
    [InlineData("dots1", "layer_types")]
    [InlineData("exaone_moe", "layer_types")]
    [InlineData("exaone_moe", "mlp_layer_types")]
    [InlineData("qwen2_moe", "layer_types")]
    [InlineData("llama4_text", "layer_types")]
    [InlineData("llama4_text", "moe_layers")]
    [InlineData("llama4_text", "no_rope_layers")]
    [InlineData("mixtral", "head_dim")]
    [InlineData("qwen3_moe_tied", "head_dim")]
    [InlineData("switch_transformers", "encoder_sparse_step")]
    [InlineData("switch_transformers_every", "decoder_sparse_step")]
    [InlineData("switch_transformers", "num_sparse_encoder_layers")]
    [InlineData("switch_transformers_every", "num_sparse_decoder_layers")]
    public void A_list_may_be_left_out_where_it_follows(string folder, string key)
    {
        var given = ConfigOutcome.Of(folder, _ => { });
        var followed = ConfigOutcome.Of(folder, config => config.Remove(key));
        Assert.Null(followed.Refused);
        Assert.True(given.IsSameAs(followed));
    }

    [Fact]
    public void Null_means_no_scaling_to_some_and_the_published_one_to_others_so_it_is_refused()
    {
        var outcome = ConfigOutcome.Of("gpt_oss", config => config["rope_scaling"] = null);
        Assert.Contains("rope_scaling", outcome.Refused!.Where, StringComparison.Ordinal);
    }

    /// <summary>transformers writes the switch of the authors' code as off and has a shared MLP all the same.</summary>
    [Fact]
    public void Hunyuan_has_a_shared_mlp_where_its_tensors_are()
    {
        var given = ConfigOutcome.Of("hunyuan_v1_moe", _ => { });
        Assert.True(given.IsSameAs(ConfigOutcome.Of("hunyuan_v1_moe", config => config["use_mixed_mlp_moe"] = false)));
    }
}
