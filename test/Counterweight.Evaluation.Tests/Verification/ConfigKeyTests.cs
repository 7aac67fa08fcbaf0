using System.Text.Json;
using System.Text.Json.Nodes;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>
/// No key is ignored: another value gives other logits or is refused, in one folder of the family at least. Those that do neither are listed, with the reason.
/// </summary>
public sealed class ConfigKeyTests
{
    // What packaging, training and generation record, and limits of length.
    private static readonly HashSet<string> Records =
    [
        "architectures", "transformers_version", "torch_dtype", "dtype", "use_cache", "initializer_range", "initializer_factor", "pretraining_tp",
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "eod_token_id", "attention_dropout", "dropout_rate", "output_router_logits", "router_aux_loss_coef",
        "router_z_loss_coef", "router_jitter_noise", "input_jitter_noise", "aux_loss_alpha", "seq_aux", "num_nextn_predict_layers", "max_position_embeddings",
    ];

    private static readonly Dictionary<string, string[]> WithoutEffect = new()
    {
        // Follows from other sizes; the ramp of such narrow heads begins at 0 in any case.
        ["deepseek_v2"] = ["qk_head_dim", "rope_scaling.beta_fast"],
        ["deepseek_v3"] = ["qk_head_dim", "rope_scaling.beta_fast"],
        // The tensors say it.
        ["gpt_oss"] = ["quantization_config.modules_to_not_convert"],
        // A list in the same file says it.
        ["exaone_moe"] = ["sliding_window_pattern"],
        ["llama4_text"] = ["interleave_moe_layer_step", "no_rope_layer_interval"],
        // The same; WindowTests leaves it out.
        ["qwen2_moe"] = ["max_window_layers", "sliding_window", "use_sliding_window"],
        ["dots1"] = ["max_window_layers"],
        // Windows are those of all layers.
        ["qwen3_moe"] = ["max_window_layers"],
        // Beside alpha.
        ["hunyuan_v1_moe"] = ["rope_scaling.beta_fast", "rope_scaling.beta_slow", "rope_scaling.mscale", "rope_scaling.mscale_all_dim"],
        // Of training, and of gates and calculators that are refused.
        ["llama_moe"] = ["gate_use_balance", "gate_balance_loss_weight", "gate_add_noise", "gate_noise_epsilon", "drop_tokens", "dropped_padding", "capacity_factor"],
        ["switch_transformers"] = ["add_cross_attention", "add_router_probs", "router_ignore_padding_tokens"],
        // For texts beyond the original length, which are refused; the length is that of the key outside.
        ["phimoe"] = ["rope_scaling.long_factor", "rope_scaling.long_mscale", "rope_scaling.original_max_position_embeddings"],
        // Weights add up to more.
        ["ernie4_5_moe"] = ["moe_norm_min"],
    };

    public static TheoryData<string> ModelTypes() => [.. GoldenModels.Folders().Select(GoldenModels.TypeOfFolder).Distinct()];

    [Theory]
    [MemberData(nameof(ModelTypes))]
    public void Every_key_matters(string modelType)
    {
        var (keys, matter) = (new HashSet<string>(), new HashSet<string>());
        foreach (var folder in GoldenModels.Folders().Where(folder => GoldenModels.TypeOfFolder(folder) == modelType))
        {
            var original = ConfigOutcome.Of(folder, _ => { });
            foreach (var key in Keys(folder).Where(key => !Records.Contains(key)))
            {
                keys.Add(key);
                var others = Others(folder, key).Select(value => ConfigOutcome.Of(folder, config => Set(config, key, value)));
                if (!matter.Contains(key) && others.Any(other => !other.IsSameAs(original)))
                    matter.Add(key);
            }
        }
        Assert.Equal(WithoutEffect.GetValueOrDefault(modelType, []).Order(StringComparer.Ordinal), keys.Except(matter).Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Keys(string folder) => ConfigOutcome.Config(folder).SelectMany(entry =>
        entry.Value is JsonObject nested ? nested.Select(inner => $"{entry.Key}.{inner.Key}") : [entry.Key]);

    private static IEnumerable<JsonNode> Others(string folder, string key)
    {
        var (holder, name) = Holder(ConfigOutcome.Config(folder), key);
        return holder[name] switch
        {
            null => [3, 0.25],
            JsonArray { Count: > 0 } list => Others(list[0]!).Select(first => new JsonArray([first, .. list.Skip(1).Select(item => item!.DeepClone())])),
            JsonArray => [new JsonArray(0)],
            { } value => Others(value),
        };
    }

    private static IEnumerable<JsonNode> Others(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.True => [false],
        JsonValueKind.False => [true],
        JsonValueKind.String => [value.GetValue<string>() == "full_attention" ? "sliding_attention" : "full_attention"],
        JsonValueKind.Array => Others(value[0]!).Select(first => new JsonArray([first, .. value.AsArray().Skip(1).Select(item => item!.DeepClone())])),
        _ when value.GetValue<double>() is var number && number == Math.Floor(number) => [number + 1, Math.Max(number - 1, 0), number * 8, Math.Ceiling(number / 8)],
        _ => [value.GetValue<double>() * 8, value.GetValue<double>() / 8],
    };

    private static void Set(JsonObject config, string key, JsonNode value)
    {
        var (holder, name) = Holder(config, key);
        holder[name] = value;
    }

    private static (JsonObject Holder, string Name) Holder(JsonObject config, string key) =>
        key.Split('.') is [var outer, var inner] ? (config[outer]!.AsObject(), inner) : (config, key);
}
