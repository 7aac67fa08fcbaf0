using System.Text.Json.Nodes;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Settings are honoured or refused by name, in every family: in the form of transformers 5, absent, switched, or unknown.</summary>
public sealed class ConfigVariantTests
{
    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    public static TheoryData<string> Decoders() => [.. GoldenModels.Folders().Where(folder => GoldenModels.TypeOfFolder(folder) != "switch_transformers")];

    /// <summary><c>rope_parameters</c> with the base and the rotated share inside, <c>dtype</c>, and no key whose value is null.</summary>
    [Theory]
    [MemberData(nameof(Decoders))]
    public void The_form_of_transformers_5_means_the_same(string folder)
    {
        var original = Outcome(folder, _ => { });
        var newer = Outcome(folder, config =>
        {
            var rope = config["rope_scaling"]?.DeepClone().AsObject() ?? new JsonObject { ["rope_type"] = "default" };
            if (rope["type"] is { } type)
                rope["rope_type"] = type.DeepClone();
            rope.Remove("type");
            foreach (var key in (string[])["rope_theta", "partial_rotary_factor"])
                if (config[key] is { } value)
                    rope[key] = value.DeepClone();
            config["rope_parameters"] = rope;
            config["dtype"] = config["torch_dtype"]?.DeepClone();
            foreach (var old in (string[])["rope_scaling", "rope_theta", "partial_rotary_factor", "torch_dtype"])
                config.Remove(old);
            if (config["model_type"]!.GetValue<string>() == "qwen3_moe")
                Rename(config, "num_experts", "num_local_experts");
        });
        Assert.Null(newer.Refused);
        Assert.Equal(original.Logits, newer.Logits);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void What_no_family_computes_is_refused_by_name(string folder)
    {
        AssertRefused(folder, "rope_scaling", JsonNode.Parse("""{"rope_type": "su", "factor": 2.0}"""), "rope_type");
        AssertRefused(folder, "hidden_act", "mish", "hidden_act");
        AssertRefused(folder, "final_logit_softcapping", 30.0, "final_logit_softcapping");
        AssertRefused(folder, "alibi", true, "alibi");
    }

    [Fact]
    public void An_encoder_decoder_refuses_by_name_too()
    {
        AssertRefused("switch_transformers", "dense_act_fn", "gated-gelu", "dense_act_fn");
        AssertRefused("switch_transformers", "router_dtype", "bfloat16", "router_dtype");
        AssertRefused("switch_transformers", "encoder_sparse_step", 3, "encoder_sparse_step");
    }

    /// <summary>
    /// Another value of a key gives other logits or is refused, in one folder of the family at least: a key that does neither is ignored. Those that are meant to be
    /// are listed.
    /// </summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_key_matters(string folder)
    {
        var type = GoldenModels.TypeOfFolder(folder);
        var original = Outcome(folder, _ => { });
        var ignored = Keys(folder)
            .Where(key => !IsMeantToBeIgnored(type, key) && !NeedsAnotherFolder(folder, key))
            .Where(key => Outcome(folder, config => Change(config, key)) is { Refused: null } changed && changed.Logits!.SequenceEqual(original.Logits!))
            .ToArray();
        Assert.Empty(ignored);
    }

    private static IEnumerable<string> Keys(string folder) => Config(folder).SelectMany(entry => entry.Value is JsonObject nested
        ? nested.Select(inner => $"{entry.Key}.{inner.Key}")
        : [entry.Key]);

    // What packaging, training and generation record.
    private static readonly HashSet<string> NeverMatter =
    [
        "architectures", "transformers_version", "torch_dtype", "dtype", "use_cache", "initializer_range", "initializer_factor", "pretraining_tp",
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "eod_token_id", "attention_dropout", "dropout_rate", "output_router_logits", "router_aux_loss_coef",
        "router_z_loss_coef", "aux_loss_alpha", "seq_aux", "num_nextn_predict_layers", "max_position_embeddings", "rope_scaling.original_max_position_embeddings",
    ];

    private static readonly Dictionary<string, string[]> NeverMatterHere = new()
    {
        ["deepseek_v2"] = ["head_dim", "qk_head_dim", "num_key_value_heads"],
        ["deepseek_v3"] = ["head_dim", "qk_head_dim", "num_key_value_heads"],
        ["llama_moe"] = ["gate_use_balance", "gate_balance_loss_weight", "gate_add_noise", "gate_noise_epsilon", "drop_tokens", "dropped_padding", "capacity_factor"],
        ["switch_transformers"] = ["add_cross_attention", "add_router_probs", "router_jitter_noise", "router_ignore_padding_tokens"],
    };

    private static bool IsMeantToBeIgnored(string type, string key) => NeverMatter.Contains(key) || NeverMatterHere.GetValueOrDefault(type, []).Contains(key);

    // Without effect on the texts of these folders, but not of others of the same family.
    private static bool NeedsAnotherFolder(string folder, string key) => false;

    /// <summary>Another value of the same kind.</summary>
    private static void Change(JsonObject config, string path)
    {
        var parts = path.Split('.');
        var (holder, key) = parts.Length == 2 ? (config[parts[0]]!.AsObject(), parts[1]) : (config, path);
        holder[key] = holder[key] switch
        {
            null => 3,
            JsonArray { Count: > 0 } list => new JsonArray([Other(list[0]!), .. list.Skip(1).Select(item => item!.DeepClone())]),
            JsonArray => new JsonArray(0),
            { } value => Other(value),
        };
    }

    private static JsonNode Other(JsonNode value) => value.GetValueKind() switch
    {
        System.Text.Json.JsonValueKind.True => false,
        System.Text.Json.JsonValueKind.False => true,
        System.Text.Json.JsonValueKind.String when value.GetValue<string>() == "full_attention" => "sliding_attention",
        System.Text.Json.JsonValueKind.String when value.GetValue<string>() is "sliding_attention" or "chunked_attention" => "full_attention",
        System.Text.Json.JsonValueKind.String => "other",
        System.Text.Json.JsonValueKind.Array => new JsonArray([Other(value[0]!), .. value.AsArray().Skip(1).Select(item => item!.DeepClone())]),
        _ when value.GetValue<double>() is var number && number == Math.Floor(number) && number is not 1.0 => number > 1 ? number - 1 : number + 1,
        _ => value.GetValue<double>() * 1.5,
    };

    private static void Rename(JsonObject config, string from, string to)
    {
        var value = config[from]?.DeepClone();
        config.Remove(from);
        config[to] = value;
    }

    private static JsonObject Config(string folder) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Counterweight.Tests.GoldenFiles.Shared("goldens", "models", folder), "config.json")))!.AsObject();

    private static void AssertRefused(string folder, string key, JsonNode? value, string named)
    {
        var outcome = Outcome(folder, config => config[key] = value);
        Assert.True(outcome.Refused is not null, $"{key} is not refused");
        Assert.Contains(named, outcome.Refused.Where, StringComparison.Ordinal);
    }

    /// <summary>Logits on the folder's own prompts, or why there are none.</summary>
    private static (float[]? Logits, InvalidInputException? Refused) Outcome(string folder, Action<JsonObject> change)
    {
        using var copy = CheckpointCopy.WithConfig(folder, change);
        try
        {
            using var loaded = ModelRuns.Open(copy.Path);
            return (ModelRuns.Logits(loaded.Model, GoldenModels.Prompts(folder)), null);
        }
        catch (InvalidInputException e)
        {
            return (null, e);
        }
    }
}
