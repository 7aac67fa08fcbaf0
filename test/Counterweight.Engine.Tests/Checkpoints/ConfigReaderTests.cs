using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class ConfigReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Settings_are_read_by_type()
    {
        var config = Read("""
            { "model_type": "qwen3_moe", "hidden_size": 64, "layers": 4.0, "eps": 1e-06, "theta": 10000, "tied": true, "window": null,
              "sizes": [3, 5], "layers_sizes": [[3, 5], [4]], "top_k": 2, "kinds": ["full", "sliding"], "factors": [1, 2.5], "rope_scaling": { "factor": 2.5 } }
            """);
        Assert.Equal("qwen3_moe", config.String("model_type"));
        Assert.Equal(64, config.Int("hidden_size", 1, 64));
        Assert.Equal(4, config.Int("layers", 1, 10));
        Assert.Equal(1e-6, config.Double("eps", 0, 1));
        Assert.Equal(10000, config.Double("theta", 1, 1e9));
        Assert.True(config.Bool("tied"));
        Assert.Equal([3, 5], config.IntList("sizes", 1, 5));
        Assert.Equal([[3, 5], [4]], config.IntLists("layers_sizes", 1, 5));
        Assert.Equal([2], config.IntList("top_k", 1, 5));
        Assert.Equal(["full", "sliding"], config.StringList("kinds"));
        Assert.Equal([1, 2.5], config.DoubleList("factors", 0, 3));
        Assert.Equal(2.5, config.OptionalObject("rope_scaling")!.Double("factor", 1, 100));
    }

    [Fact]
    public void Null_and_absent_keys_give_the_fallback()
    {
        var config = Read("""{ "window": null, "rope_scaling": null }""");
        Assert.Equal(7, config.Int("window", 1, 10, 7));
        Assert.Equal(0.5, config.Double("absent", 0, 1, 0.5));
        Assert.True(config.Bool("window", true));
        Assert.Equal("silu", config.String("window", "silu"));
        Assert.Equal([1], config.IntList("window", 0, 1, [1]));
        Assert.Null(config.OptionalObject("rope_scaling"));
        Assert.False(config.Has("window"));
    }

    [Fact]
    public void Names_of_one_setting_may_stand_together_only_with_one_value()
    {
        string[] names = ["num_experts", "num_local_experts"];
        Assert.Equal(8, Read("""{ "num_local_experts": 8 }""").Int(names, 1, 512));
        Assert.Equal(8, Read("""{ "num_experts": 8, "num_local_experts": 8 }""").Int(names, 1, 512));
        Refused("""{ "num_experts": 8, "num_local_experts": 16 }""", c => c.Int(names, 1, 512), "num_experts", "num_local_experts", "16");
        Refused("{}", c => c.Int(names, 1, 512), "num_experts or num_local_experts", "an integer from 1 to 512");
    }

    [Fact]
    public void Missing_mistyped_and_out_of_range_values_are_refused_with_key_found_and_expected()
    {
        Refused("{}", c => c.Int("hidden_size", 1, 100), "hidden_size", "nothing", "an integer from 1 to 100");
        Refused("""{ "a": 101 }""", c => c.Int("a", 1, 100), "key a", "101", "from 1 to 100");
        Refused("""{ "a": 4.5 }""", c => c.Int("a", 1, 100), "4.5");
        Refused("""{ "a": "4" }""", c => c.Int("a", 1, 100), "\"4\"");
        Refused("""{ "a": 1e400 }""", c => c.Int("a", 1, 100), "1e400");
        Refused("""{ "a": 9223372036854775808 }""", c => c.Int("a", 1, int.MaxValue), "9223372036854775808");
        Refused("""{ "a": true }""", c => c.Int("a", 0, 100), "true");
        Refused("""{ "a": 1e400 }""", c => c.Double("a", 0, double.MaxValue), "1e400");
        Refused("""{ "a": -0.1 }""", c => c.Double("a", 0, 1), "-0.1", "from 0 to 1");
        Refused("""{ "a": 1 }""", c => c.Bool("a"), "key a", "true or false");
        Refused("""{ "a": 1 }""", c => c.String("a"), "a string");
        Refused("""{ "a": [1, 2, 9] }""", c => c.IntList("a", 1, 2), "a[2]", "9");
        Refused("""{ "a": [[1]] }""", c => c.IntList("a", 1, 2), "a[0]");
        Refused("""{ "a": [] }""", c => c.OptionalObject("a"), "an object");
        Refused("""{ "rope": { "factor": 0 } }""", c => c.OptionalObject("rope")!.Double("factor", 1, 9), "rope.factor");
        Refused("""{ "act": "cosine" }""", c => throw c.Refuse("act", "silu"), "key act", "cosine", "silu");
    }

    [Theory]
    [InlineData("""{ "a": 1, "a": 1 }""")]
    [InlineData("""{ "a": { "b": 1, "\u0062": 2 } }""")]
    [InlineData("""{ "a": "\ud800" }""")]
    [InlineData("""{ "\udc00": 1 }""")]
    [InlineData("""[1]""")]
    [InlineData("""{ "a": 1 } x""")]
    [InlineData("""{ "a": NaN }""")]
    [InlineData("")]
    public void Malformed_file_is_refused_by_name(string text) => Refused(text, _ => { });

    [Fact]
    public void Depth_and_size_are_limited()
    {
        Refused(string.Concat(Enumerable.Repeat("""{"a":""", 1000)) + "1" + new string('}', 1000), _ => { });
        Refused("{" + new string(' ', 17 << 20) + "}", _ => { }, "16777216 bytes");
    }

    [Fact]
    public void Line_of_a_syntax_error_is_named() => Refused("{\n\"a\": 1,\n\"b\": }", _ => { }, "line 3");

    [Fact]
    public void Missing_file_is_named()
    {
        var path = _folder.File("absent.json");
        Assert.Equal(path, Assert.Throws<InvalidInputException>(() => ConfigReader.Open(path)).Where);
    }

    [Fact]
    public void Keys_that_nobody_asked_for_are_listed()
    {
        var config = Read("""
            { "hidden_size": 1, "torch_dtype": "bfloat16", "surprise": 1, "absent_value": null, "family_noise": 0,
              "rope_scaling": { "factor": 1, "mscale": 2 }, "quantization_config": { "bits": 4 } }
            """);
        config.Int(["num_experts", "hidden_size"], 1, 1);
        config.OptionalObject("rope_scaling")!.Double("factor", 0, 1);
        Assert.Equal(["quantization_config", "rope_scaling.mscale", "surprise"], config.UnknownKeys("family_noise"));
    }

    [Fact]
    public void Every_reference_config_is_read()
    {
        foreach (var path in Directory.EnumerateFiles(GoldenFiles.Shared("goldens", "models"), "config.json", SearchOption.AllDirectories))
            Assert.NotEmpty(ConfigReader.Open(path).String("model_type"));
    }

    private ConfigReader Read(string text) => ConfigReader.Open(_folder.Write("config.json", text));

    private void Refused(string text, Action<ConfigReader> read, params string[] parts)
    {
        var error = Assert.Throws<InvalidInputException>(() => read(Read(text)));
        foreach (var part in parts.Append(_folder.File("config.json")))
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }
}
