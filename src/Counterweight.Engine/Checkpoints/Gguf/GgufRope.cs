using System.Text.Json.Nodes;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The rotary embedding's keys.</summary>
internal static class GgufRope
{
    private const string Factors = "rope_freqs.weight";

    /// <summary>Adds <c>rope_theta</c> and <c>rope_scaling</c>; long-rope factors are for the family to add.</summary>
    public static void Add(GgufConfigDraft draft)
    {
        var keys = draft.Keys;
        keys.Ignore("rope.scaling.original_context_length", "rope.scaling.factor", "rope.scale_linear", "rope.scaling.finetuned");
        draft["rope_theta"] = keys.Number("rope.freq_base", 10000);
        var factor = keys.Number("rope.scaling.factor", keys.Number("rope.scale_linear", 0));
        var type = keys.String("rope.scaling.type", factor > 0 ? "linear" : "none");
        if (draft.Tensors.Find(Factors) is { } factors)
            draft["rope_scaling"] = new JsonObject { ["rope_type"] = "frequency_factors", ["factors"] = Numbers(factors, draft) };
        else if (type == "linear" && factor is not (0 or 1))
            draft["rope_scaling"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = factor };
        else if (type == "yarn")
            draft["rope_scaling"] = Yarn(draft, factor);
        else if (type is not ("none" or "linear" or "longrope"))
            throw keys.Refuse("rope.scaling.type", "none, linear, yarn or longrope");
    }

    /// <summary>An F32 tensor as a list.</summary>
    public static unsafe JsonArray Numbers(GgufTensor tensor, GgufConfigDraft draft)
    {
        if (tensor.Type.Name != "F32" || tensor.Elements > 65536)
            throw draft.Tensors.Metadata.Refuse(tensor.Name, "at most 65536 values of F32");
        var values = new ReadOnlySpan<float>(tensor.Pointer, (int)tensor.Elements).ToArray();
        return values.All(float.IsFinite) ? [.. values.Select(value => (JsonNode)value)] : throw draft.Tensors.Metadata.Refuse(tensor.Name, "finite values");
    }

    private static JsonObject Yarn(GgufConfigDraft draft, double factor)
    {
        var keys = draft.Keys;
        if (keys.Number("rope.scaling.yarn_ext_factor", 1) is not (1 or -1))
            throw keys.Refuse("rope.scaling.yarn_ext_factor", "1");
        var yarn = new JsonObject
        {
            ["rope_type"] = "yarn",
            ["factor"] = factor,
            ["original_max_position_embeddings"] = keys.Integer("rope.scaling.original_context_length", keys.Integer("context_length")),
            ["beta_fast"] = keys.Number("rope.scaling.yarn_beta_fast", 32),
            ["beta_slow"] = keys.Number("rope.scaling.yarn_beta_slow", 1),
        };
        // A factor that replaces the usual one is stored as such by converters; 1 would be none.
        if (keys.Has("rope.scaling.yarn_attn_factor"))
            yarn["attention_factor"] = keys.Number("rope.scaling.yarn_attn_factor");
        // Stored times 0.1: what DeepSeek calls mscale_all_dim, which its published models have equal to mscale.
        if (keys.Has("rope.scaling.yarn_log_multiplier"))
            (yarn["mscale"], yarn["mscale_all_dim"]) = (keys.Number("rope.scaling.yarn_log_multiplier") * 10, keys.Number("rope.scaling.yarn_log_multiplier") * 10);
        return yarn;
    }
}
