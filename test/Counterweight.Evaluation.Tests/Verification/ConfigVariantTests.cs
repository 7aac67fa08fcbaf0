using System.Text.Json.Nodes;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>The form of transformers 5 means the same as that of the hub, and what is not computed is refused by name, in every family.</summary>
public sealed class ConfigVariantTests
{
    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    public static TheoryData<string> Decoders() => [.. GoldenModels.Folders().Where(folder => GoldenModels.TypeOfFolder(folder) != "switch_transformers")];

    /// <summary><c>rope_parameters</c> with the base and the rotated share inside, <c>dtype</c>, and no key whose value is null.</summary>
    [Theory]
    [MemberData(nameof(Decoders))]
    public void The_form_of_transformers_5_means_the_same(string folder)
    {
        var original = ConfigOutcome.Of(folder, _ => { });
        var newer = ConfigOutcome.Of(folder, config =>
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

    private static void Rename(JsonObject config, string from, string to)
    {
        var value = config[from]?.DeepClone();
        config.Remove(from);
        config[to] = value;
    }

    private static void AssertRefused(string folder, string key, JsonNode? value, string named)
    {
        var outcome = ConfigOutcome.Of(folder, config => config[key] = value);
        Assert.True(outcome.Refused is not null, $"{key} is not refused");
        Assert.Contains(named, outcome.Refused.Where, StringComparison.Ordinal);
    }
}
