using System.Text.Json.Nodes;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Sliding windows that a config switches on.</summary>
public sealed class WindowTests
{
    private const int Window = 5;
    private const double Tolerance = 1e-3;

    public static TheoryData<string, string> Switches() => new()
    {
        { "mixtral", $$"""{"sliding_window": {{Window}}}""" },
        { "phimoe", $$"""{"sliding_window": {{Window}}}""" },
        { "qwen3_moe", $$"""{"sliding_window": {{Window}}, "use_sliding_window": true}""" },
        { "qwen2_moe", $$"""{"sliding_window": {{Window}}, "use_sliding_window": true, "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention"]}""" },
        { "dots1", $$"""{"sliding_window": {{Window}}, "max_window_layers": 0, "layer_types": null}""" },
        { "exaone_moe", $$"""{"sliding_window": {{Window}}}""" },
        { "gpt_oss_clamp", $$"""{"sliding_window": {{Window}}, "layer_types": ["sliding_attention", "sliding_attention"]}""" },
    };

    /// <summary>The last token of L layers with windows of W sees L·(W − 1) tokens before it, and no more: rotation depends on distances alone.</summary>
    [Theory]
    [MemberData(nameof(Switches))]
    public void The_last_token_sees_as_far_as_its_windows_reach(string folder, string settings)
    {
        using var copy = CheckpointCopy.WithConfig(folder, config => Apply(config, settings));
        using var loaded = ModelRuns.Open(copy.Path);
        var model = loaded.Model;
        var random = new Random(1);
        int[] text = [.. Enumerable.Range(0, 40).Select(_ => random.Next(model.Shape.Vocabulary))];
        var reach = model.Shape.Layers * (Window - 1);
        var whole = Last(model, text);
        Assert.InRange(Difference(whole, Last(model, text[^(reach + 1)..])), 0, Tolerance);
        Assert.InRange(Difference(whole, Last(model, [(text[^(reach + 1)] + 1) % model.Shape.Vocabulary, .. text[^reach..]])), 1e-9, double.MaxValue);
    }

    [Theory]
    [InlineData("qwen2_moe", """{"sliding_window": 5, "use_sliding_window": true, "max_window_layers": 2, "layer_types": null}""", "sliding full full")]
    [InlineData("qwen2_moe", """{"sliding_window": 5, "use_sliding_window": true, "layer_types": null}""", "sliding full sliding")]
    [InlineData("dots1", """{"sliding_window": 5, "max_window_layers": 1, "layer_types": null}""", "full sliding sliding")]
    [InlineData("exaone_moe", """{"sliding_window": 5, "sliding_window_pattern": 2, "layer_types": null}""", "sliding full sliding")]
    [InlineData("gpt_oss", """{"sliding_window": 5, "layer_types": null}""", "sliding full sliding")]
    public void Which_layers_have_windows_follows_from_numbers(string folder, string settings, string layers)
    {
        var types = new JsonArray([.. layers.Split(' ').Select(layer => (JsonNode)$"{layer}_attention")]);
        var followed = ConfigOutcome.Of(folder, config => Apply(config, settings));
        var listed = ConfigOutcome.Of(folder, config =>
        {
            Apply(config, settings);
            config["layer_types"] = types;
        });
        Assert.Null(listed.Refused);
        Assert.True(followed.IsSameAs(listed));
        Assert.False(followed.IsSameAs(ConfigOutcome.Of(folder, _ => { })));
    }

    private static void Apply(JsonObject config, string settings)
    {
        foreach (var (key, value) in JsonNode.Parse(settings)!.AsObject())
            config[key] = value?.DeepClone();
    }

    private static float[] Last(MoeModel model, int[] text) => ModelRuns.Logits(model, [text])[^model.Shape.Vocabulary..];

    private static double Difference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();
}
