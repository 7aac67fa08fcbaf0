using System.Text.Json.Nodes;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The architectures of llama.cpp (<c>src/llama-arch.cpp</c>, <c>src/models</c>) whose families the engine computes.</summary>
internal static class GgufArchitectures
{
    private static readonly (string, string, string) NumberedProjections = ("w1", "w3", "w2");

    private static readonly GgufArchitecture[] Known =
    [
        new("llama", ["mixtral"], Mixtral)
        {
            Router = "block_sparse_moe.gate", Experts = "block_sparse_moe.experts", Projections = NumberedProjections, ReordersHeads = true,
        },
        new("qwen2moe", ["qwen2_moe"], Qwen2Moe)
        {
            Shared = "mlp.shared_expert", OwnNames = new Dictionary<string, string> { ["ffn_gate_inp_shexp.weight"] = "mlp.shared_expert_gate.weight" },
        },
        new("qwen3moe", ["qwen3_moe"], Qwen3Moe),
        new("olmoe", ["olmoe"], Olmoe),
        new("deepseek", ["deepseek"], Deepseek) { ReordersHeads = true },
        new("deepseek2", ["deepseek_v2", "deepseek_v3"], Deepseek2)
        {
            OwnNames = new Dictionary<string, string>
            {
                ["attn_q_a.weight"] = "self_attn.q_a_proj.weight",
                ["attn_q_a_norm.weight"] = "self_attn.q_a_layernorm.weight",
                ["attn_q_b.weight"] = "self_attn.q_b_proj.weight",
                ["attn_kv_a_mqa.weight"] = "self_attn.kv_a_proj_with_mqa.weight",
                ["attn_kv_a_norm.weight"] = "self_attn.kv_a_layernorm.weight",
                ["attn_kv_b.weight"] = "self_attn.kv_b_proj.weight",
            },
        },
        new("gpt-oss", ["gpt_oss"], GptOss)
        {
            Router = "mlp.router", FusedExperts = true,
            OwnNames = new Dictionary<string, string>
            {
                ["post_attention_norm.weight"] = "post_attention_layernorm.weight",
                ["attn_sinks.weight"] = "self_attn.sinks",
            },
        },
        new("granitemoe", ["granitemoe", "granitemoeshared"], GraniteMoe)
        {
            Router = "block_sparse_moe.router.layer", FusedExperts = true, ReordersHeads = true,
            OwnNames = new Dictionary<string, string> { ["ffn_down_shexp.weight"] = "shared_mlp.output_linear.weight" },
        },
        new("glm4moe", ["glm4_moe"], Glm4Moe)
        {
            OwnNames = new Dictionary<string, string> { ["post_attention_norm.weight"] = "post_attention_layernorm.weight" },
        },
        new("ernie4_5-moe", ["ernie4_5_moe"], Ernie45Moe) { CorrectionBias = "mlp.moe_statics.e_score_correction_bias" },
        new("dots1", ["dots1"], Dots1),
        new("phimoe", ["phimoe"], PhiMoe)
        {
            Router = "block_sparse_moe.gate", Experts = "block_sparse_moe.experts", Projections = NumberedProjections,
        },
        new("hunyuan-moe", ["hunyuan_v1_moe"], HunyuanMoe)
        {
            Router = "mlp.gate.wg", Shared = "mlp.shared_mlp",
            OwnNames = new Dictionary<string, string>
            {
                ["attn_q_norm.weight"] = "self_attn.query_layernorm.weight",
                ["attn_k_norm.weight"] = "self_attn.key_layernorm.weight",
            },
        },
        new("llama4", ["llama4_text"], Llama4)
        {
            Router = "feed_forward.router", Shared = "feed_forward.shared_expert", Dense = "feed_forward", FusedExperts = true,
        },
        new("exaone-moe", ["exaone_moe"], ExaoneMoe) { CorrectionBias = "mlp.e_score_correction_bias" },
        new("minimax-m2", ["minimax_m2"], MiniMaxM2)
        {
            Router = "block_sparse_moe.gate", Experts = "block_sparse_moe.experts", Projections = NumberedProjections,
            CorrectionBias = "block_sparse_moe.e_score_correction_bias",
        },
        new("lfm2moe", ["lfm2_moe"], Lfm2Moe)
        {
            Router = "feed_forward.gate", Experts = "feed_forward.experts", Projections = NumberedProjections, Dense = "feed_forward",
            CorrectionBias = "feed_forward.expert_bias",
            OwnNames = new Dictionary<string, string>
            {
                ["attn_norm.weight"] = "operator_norm.weight",
                ["ffn_norm.weight"] = "ffn_norm.weight",
                ["attn_output.weight"] = "self_attn.out_proj.weight",
                ["attn_q_norm.weight"] = "self_attn.q_layernorm.weight",
                ["attn_k_norm.weight"] = "self_attn.k_layernorm.weight",
                ["shortconv.conv.weight"] = "conv.conv.weight",
                ["shortconv.in_proj.weight"] = "conv.in_proj.weight",
                ["shortconv.out_proj.weight"] = "conv.out_proj.weight",
            },
        },
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GgufArchitecture> All => Known;

    /// <summary>The architecture of a file.</summary>
    /// <exception cref="Balancing.InvalidInputException">It isn't known.</exception>
    public static GgufArchitecture Of(GgufTensors tensors)
    {
        var name = tensors.Metadata.String("general.architecture");
        return Known.FirstOrDefault(architecture => architecture.Name == name)
            ?? throw tensors.Metadata.Refuse("general.architecture", $"one of {string.Join(", ", Known.Select(known => known.Name).Order(StringComparer.Ordinal))}");
    }

    private static void Mixtral(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft["intermediate_size"] = draft.ExpertWidth();
    }

    private static void Qwen2Moe(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft["qkv_bias"] = draft.Has("attn_q.bias");
        draft["norm_topk_prob"] = draft.Keys.Bool("expert_weights_norm", false);
        draft["shared_expert_intermediate_size"] = draft.Keys.Integer("expert_shared_feed_forward_length", draft.SizeOf("ffn_gate_shexp.weight", 0));
        AddDenseLayers(draft);
    }

    private static void Qwen3Moe(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        // Published models renormalise, and llama.cpp always does.
        draft["norm_topk_prob"] = draft.Keys.Bool("expert_weights_norm", true);
        AddDenseLayers(draft);
    }

    private static void AddDenseLayers(GgufConfigDraft draft) =>
        draft["mlp_only_layers"] = List(Enumerable.Range(0, draft.Layers).Except(draft.MoeLayers));

    private static void Olmoe(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft["norm_topk_prob"] = draft.Keys.Bool("expert_weights_norm", false);
        draft["intermediate_size"] = draft.ExpertWidth();
        if (draft.Keys.Has("attention.clamp_kqv"))
            draft["clip_qkv"] = draft.Keys.Number("attention.clamp_kqv");
    }

    private static void Deepseek(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft.RequireGating(1);
        draft.AddDeepseekKeys();
        if (draft.Keys.Number("expert_weights_scale", 1) is not (0 or 1))
            throw draft.Keys.Refuse("expert_weights_scale", "1: nothing else is supported for deepseek");
    }

    private static void Deepseek2(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.AddDeepseekKeys();
        // Files from before the key are DeepSeek-V2 where they have no correction bias.
        var sigmoid = keys.Integer("expert_gating_func", 0) switch
        {
            0 => draft.Has("exp_probs_b.bias"),
            1 => false,
            2 => true,
            _ => throw keys.Refuse("expert_gating_func", "1 (softmax) or 2 (sigmoid)"),
        };
        draft["model_type"] = sigmoid ? "deepseek_v3" : "deepseek_v2";
        draft["topk_method"] = sigmoid ? "noaux_tc" : keys.Integer("expert_group_count", 1) > 1 ? "group_limited_greedy" : "greedy";
        draft["scoring_func"] = sigmoid ? "sigmoid" : "softmax";
        draft["num_key_value_heads"] = keys.Uniform("attention.head_count");
        draft["kv_lora_rank"] = keys.Integer("attention.kv_lora_rank");
        draft["q_lora_rank"] = keys.Has("attention.q_lora_rank") && draft.Has("attn_q_a.weight") ? keys.Integer("attention.q_lora_rank") : null;
        // Older files have the sizes of the heads where newer ones have those of the latent.
        var rotated = keys.Integer("rope.dimension_count");
        draft["qk_rope_head_dim"] = rotated;
        draft["qk_nope_head_dim"] = keys.Integer("attention.key_length_mla", keys.Integer("attention.key_length")) - rotated;
        draft["v_head_dim"] = keys.Integer("attention.value_length_mla", keys.Integer("attention.value_length"));
    }

    private static void GptOss(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft["intermediate_size"] = draft.ExpertWidth();
        draft["sliding_window"] = draft.Keys.Integer("attention.sliding_window");
        draft["layer_types"] = Windows(draft, period: 2);
        // Published models round nothing; the metadata has no key for it.
        if (draft["rope_scaling"] is JsonObject yarn)
            yarn["truncate"] = false;
    }

    private static void GraniteMoe(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        if (!keys.Bool("rope.scaling.finetuned", true))
            throw keys.Refuse("rope.scaling.finetuned", "true: models without rotary embedding are not supported for granitemoe");
        draft["intermediate_size"] = draft.ExpertWidth();
        draft["attention_multiplier"] = keys.Number("attention.scale", 1 / Math.Sqrt(draft.HeadDim));
        draft["embedding_multiplier"] = keys.Number("embedding_scale", 1);
        draft["residual_multiplier"] = keys.Number("residual_scale", 1);
        draft["logits_scaling"] = keys.Number("logit_scale", 1);
        if (keys.Integer("expert_shared_feed_forward_length", 0) is not (> 0 and var width))
            return;
        draft["model_type"] = "granitemoeshared";
        draft["shared_intermediate_size"] = width;
    }

    private static void Glm4Moe(GgufConfigDraft draft)
    {
        draft.RequireGating(2);
        draft.AddDeepseekKeys();
        draft["use_qk_norm"] = draft.Has("attn_q_norm.weight");
        draft["partial_rotary_factor"] = (double)draft.Keys.Integer("rope.dimension_count", draft.HeadDim) / draft.HeadDim;
    }

    private static void Ernie45Moe(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        keys.Ignore("expert_shared_feed_forward_length");
        draft["moe_layer_interval"] = keys.Integer("interleave_moe_layer_step", 1);
        draft["moe_layer_start_index"] = keys.Integer("leading_dense_block_count", 0);
        draft["moe_num_shared_experts"] = keys.Integer("expert_shared_count", 0);
    }

    private static void Dots1(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft.RequireGating(2);
        draft.AddDeepseekKeys();
    }

    private static void PhiMoe(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        draft["intermediate_size"] = draft.ExpertWidth();
        draft["lm_head_bias"] = draft.Tensors.Has("output.bias");
        draft["sliding_window"] = keys.Integer("attention.sliding_window", 0);
        keys.Ignore("rope.scaling.attn_factor");
        if (draft.Tensors.Find("rope_factors_short.weight") is not { } factors)
            return;
        draft["rope_scaling"] = new JsonObject
        {
            ["rope_type"] = "longrope",
            ["short_factor"] = GgufRope.Numbers(factors, draft),
            ["short_mscale"] = keys.Number("rope.scaling.attn_factor", 1),
            ["original_max_position_embeddings"] = keys.Integer("rope.scaling.original_context_length"),
        };
    }

    private static void HunyuanMoe(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        draft["moe_topk"] = keys.Integer("expert_used_count");
        draft["use_qk_norm"] = draft.Has("attn_q_norm.weight");
        var (width, shared) = (draft.ExpertWidth(), draft.SizeOf("ffn_gate_shexp.weight", 0));
        keys.Ignore("expert_shared_feed_forward_length");
        draft["use_mixed_mlp_moe"] = shared > 0;
        draft["num_shared_expert"] = width > 0 && shared % width == 0
            ? Math.Max(shared / width, 1)
            : throw keys.Refuse("expert_shared_feed_forward_length", $"a multiple of the {width} of an expert");
    }

    private static void Llama4(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        keys.Ignore("interleave_moe_layer_step");
        draft["moe_layers"] = List(draft.MoeLayers);
        draft["intermediate_size_mlp"] = keys.Largest("feed_forward_length");
        draft["intermediate_size"] = draft.ExpertWidth();
        // As llama.cpp does it: the metadata has no key.
        draft["use_qk_norm"] = keys.Integer("expert_count") != 128;
        if (keys.Integer("attention.sliding_window", 8192) > 0)
            return;
        draft["no_rope_layers"] = List(Enumerable.Repeat(1, draft.Layers));
        draft["attention_chunk_size"] = int.MaxValue;
        draft["attn_temperature_tuning"] = false;
    }

    private static void ExaoneMoe(GgufConfigDraft draft)
    {
        draft.RequireWholeRotation();
        draft.RequireGating(2);
        draft.AddDeepseekKeys();
        draft.Keys.Ignore("expert_shared_feed_forward_length");
        draft["sliding_window"] = draft.Keys.Integer("attention.sliding_window");
        draft["layer_types"] = Windows(draft, period: 4);
    }

    private static void MiniMaxM2(GgufConfigDraft draft)
    {
        draft.RequireGating(2);
        draft["intermediate_size"] = draft.ExpertWidth();
        draft["rotary_dim"] = draft.Keys.Integer("rope.dimension_count", draft.HeadDim);
    }

    private static void Lfm2Moe(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        draft.RequireWholeRotation();
        draft.RequireGating(2);
        var keyHeads = keys.Integers("attention.head_count_kv");
        draft["layer_types"] = new JsonArray([.. Enumerable.Range(0, draft.Layers).Select(layer =>
            (JsonNode)(keyHeads.ElementAtOrDefault(keyHeads.Length == 1 ? 0 : layer) == 0 ? "conv" : "full_attention"))]);
        draft["num_dense_layers"] = keys.Integer("leading_dense_block_count", 0);
        draft["norm_eps"] = keys.Number("attention.layer_norm_rms_epsilon");
        draft["conv_L_cache"] = keys.Integer("shortconv.l_cache");
        draft["conv_bias"] = draft.Tensors.All.Any(tensor => tensor.Name.EndsWith("shortconv.conv.bias", StringComparison.Ordinal));
        draft["use_expert_bias"] = draft.Has("exp_probs_b.bias");
        draft["tie_embedding"] = draft["tie_word_embeddings"]!.DeepClone();
    }

    /// <summary>Which layers have a window: as the key says by layer, or all but the last of each period.</summary>
    private static JsonArray Windows(GgufConfigDraft draft, int period)
    {
        const string Key = "attention.sliding_window_pattern";
        var pattern = draft.Keys.Integers(Key, [period]);
        if (pattern.Length != 1 && pattern.Length != draft.Layers)
            throw draft.Keys.Refuse(Key, $"a period, or true or false for each of {draft.Layers} layers");
        bool HasWindow(int layer) => pattern.Length == 1 && draft.Layers != 1 ? pattern[0] == 0 || layer % pattern[0] < pattern[0] - 1 : pattern[layer] != 0;
        return new JsonArray([.. Enumerable.Range(0, draft.Layers).Select(layer => (JsonNode)(HasWindow(layer) ? "sliding_attention" : "full_attention"))]);
    }

    private static JsonArray List(IEnumerable<int> values) => new([.. values.Select(value => (JsonNode)value)]);
}
