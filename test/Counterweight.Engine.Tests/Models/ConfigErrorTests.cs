using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tests.Checkpoints;

namespace Counterweight.Engine.Tests.Models;

/// <summary>A config that does not fit is refused by the name of the key or tensor; keys without effect are warned of.</summary>
public class ConfigErrorTests
{
    [Theory]
    [InlineData("num_attention_heads", "6", "model.layers.0.self_attn.q_proj.weight", "[72, 20]")]
    [InlineData("num_attention_heads", "5", "key num_key_value_heads", "a divisor of num_attention_heads = 5")]
    [InlineData("num_key_value_heads", "3", "key num_key_value_heads", "a divisor of num_attention_heads = 4")]
    [InlineData("num_key_value_heads", "4", "model.layers.0.self_attn.k_proj.weight", "[48, 20]")]
    [InlineData("head_dim", "14", "model.layers.0.self_attn.q_norm.weight", "[14]")]
    [InlineData("head_dim", "13", "key head_dim", "even")]
    [InlineData("vocab_size", "51", "model.embed_tokens.weight", "[51, 20]")]
    [InlineData("num_experts", "8", "model.layers.0.mlp.gate.weight", "[8, 20]")]
    [InlineData("num_experts_per_tok", "8", "key num_experts_per_tok", "from 1 to 7")]
    [InlineData("num_experts_per_tok", "0", "key num_experts_per_tok", "from 1 to 7")]
    [InlineData("num_hidden_layers", "4", "model.safetensors", "model.layers.3")]
    [InlineData("moe_intermediate_size", "41", "experts.0.gate_proj.weight", "[41, 20]")]
    [InlineData("mlp_only_layers", "[0,1,2]", "key mlp_only_layers", "at least one of the 3 layers with experts")]
    [InlineData("mlp_only_layers", "[3]", "key mlp_only_layers", "from 0 to 2")]
    [InlineData("hidden_act", "\"mish\"", "key hidden_act", "silu or swish or gelu")]
    [InlineData("model_type", "\"llama\"", "key model_type", "qwen3_moe")]
    [InlineData("rope_scaling", """{"rope_type":"longrope","factor":8.0}""", "key rope_scaling.short_factor", "a list of")]
    [InlineData("rope_scaling", """{"type":"su","factor":8.0}""", "key rope_scaling.type", "default, linear, dynamic, llama3, yarn or longrope")]
    [InlineData("rope_parameters", """{"full_attention":{"rope_type":"default"}}""", "key rope_parameters.full_attention", "one rotary embedding for all layers")]
    [InlineData("layer_types", """["full_attention","chunked_attention","full_attention"]""", "key layer_types", "sliding_attention for each of 3 layers")]
    [InlineData("layer_types", """["full_attention","sliding_attention","full_attention"]""", "key sliding_window", "the width of the windows")]
    [InlineData("final_logit_softcapping", "30.0", "key final_logit_softcapping", "no such key")]
    [InlineData("qkv_bias", "true", "key qkv_bias", "no such key")]
    [InlineData("n_group", "4", "key n_group", "no such key")]
    [InlineData("partial_rotary_factor", "0.5", "key partial_rotary_factor", "no such key")]
    [InlineData("rope_scaling", """{"rope_type":"linear"}""", "key rope_scaling.factor", "a number from 1")]
    [InlineData("tie_word_embeddings", "1", "key tie_word_embeddings", "true or false")]
    [InlineData("attention_bias", "true", "model.safetensors", "model.layers.0.self_attn.q_proj.bias")]
    [InlineData("max_position_embeddings", "-5", "key max_position_embeddings", "from 1 to")]
    public void AWrongValueIsNamed(string key, string value, string where, string expected)
    {
        var e = Refused(config => config[key] = JsonNode.Parse(value));
        Assert.Contains(where, e.Where, StringComparison.Ordinal);
        Assert.Contains(expected, e.Expected, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab_size")]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("moe_intermediate_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads")]
    [InlineData("num_experts")]
    [InlineData("num_experts_per_tok")]
    [InlineData("max_position_embeddings")]
    [InlineData("model_type")]
    public void AMissingKeyIsNamed(string key)
    {
        var e = Refused(config => config.Remove(key));
        Assert.Contains($"key {key}", e.Where, StringComparison.Ordinal);
        Assert.Equal("nothing", e.Found);
    }

    [Fact]
    public void SwitchesOfOtherFamiliesThatAreOffAreHarmless()
    {
        var warnings = Warnings(config => (config["mlp_bias"], config["final_logit_softcapping"], config["n_group"], config["partial_rotary_factor"]) = (false, null, 1, 1.0));
        Assert.Equal(3, warnings.Count);
    }

    [Fact]
    public void AWindowThatIsSwitchedOffIsNoNews()
    {
        var warnings = Warnings(config => (config["use_sliding_window"], config["sliding_window"], config["max_window_layers"]) = (false, 64, 2));
        Assert.Empty(warnings);
    }

    [Fact]
    public void KeysWithoutEffectAreWarnedOfByName()
    {
        var warnings = Warnings(config =>
        {
            config["attention_sinks"] = 4;
            config["rope_scaling"] = JsonNode.Parse("""{"rope_type":"linear","factor":1.0,"low_freq_factor":2}""");
            config["torch_dtype"] = "bfloat16";
        });
        Assert.Equal(2, warnings.Count);
        Assert.Contains("\"attention_sinks\"", warnings[0], StringComparison.Ordinal);
        Assert.Contains("\"rope_scaling.low_freq_factor\"", warnings[1], StringComparison.Ordinal);
    }

    private static InvalidInputException Refused(Action<JsonObject> change)
    {
        using var folder = Written(change);
        return Assert.Throws<InvalidInputException>(() => LoadedModel.Open(folder.Path, new LoadOptions { Threads = 1 }).Dispose());
    }

    private static List<string> Warnings(Action<JsonObject> change)
    {
        using var folder = Written(change);
        var warnings = new List<string>();
        LoadedModel.Open(folder.Path, new LoadOptions { Threads = 1 }, warnings.Add).Dispose();
        return warnings;
    }

    private static TemporaryFolder Written(Action<JsonObject> change)
    {
        var folder = new TemporaryFolder();
        TinyModel.Default.Write(folder.Path);
        var config = TinyModel.Default.Config();
        change(config);
        folder.Write("config.json", config.ToJsonString());
        return folder;
    }
}
