using System.Text;
using System.Text.RegularExpressions;
using Counterweight.Balancing.Formats;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Tests.Formats;

public sealed class MixedPrecisionConfigTests
{
    private static string Write(string format, params LayerPrecision[] layers)
    {
        using var stream = new MemoryStream();
        MixedPrecisionConfigs.Write(format, layers, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    [Theory]
    [InlineData("compressed-tensors", Precision.Bf16, Precision.Int4, Precision.Int8, Precision.Int4, Precision.Fp8)]
    [InlineData("gptq", Precision.Bf16, Precision.Int4, Precision.Int8, Precision.Int4, Precision.Bf16)]
    [InlineData("modelopt", Precision.Bf16, Precision.Fp8, Precision.Bf16, Precision.Fp8, Precision.Bf16)]
    [InlineData("gguf", Precision.Bf16, Precision.Int4, Precision.Int8, Precision.Int4, Precision.Bf16)]
    public void Every_layer_comes_back_with_its_precision(string format, params Precision[] precisions)
    {
        LayerPrecision[] layers = [.. precisions.Select((precision, i) => new LayerPrecision(3 + i, precision))];
        var text = Write(format, layers);
        Assert.Equal(layers, MixedPrecisionConfigs.Read(format, Encoding.UTF8.GetBytes(text), "x", [3, 4, 5, 6, 7], Precision.Bf16));
    }

    [Fact]
    public void Targets_match_every_expert_of_their_layers_and_no_other()
    {
        var text = Write("compressed-tensors", new(3, Precision.Int4), new(13, Precision.Int4), new(4, Precision.Bf16));
        var target = Regex.Match(text, "\"re:(.*?layers.*?)\"").Groups[1].Value.Replace(@"\\", @"\");
        Assert.Matches($"^{target}$", "model.layers.3.mlp.experts.17.gate_proj");
        Assert.Matches($"^{target}$", "model.layers.13.mlp.experts.0.down_proj");
        Assert.DoesNotMatch($"^{target}$", "model.layers.1.mlp.experts.0.down_proj");
        Assert.DoesNotMatch($"^{target}$", "model.layers.4.mlp.experts.0.down_proj");
        Assert.Equal("blk\\.(3|13)\\.ffn_(gate|up|down)_exps=q4_0\n",
            Write("gguf", new(3, Precision.Int4), new LayerPrecision(13, Precision.Int4)));
    }

    [Theory]
    [InlineData("modelopt", Precision.Int4, "layer 3: found int4, expected what modelopt stores: fp32, fp16, bf16, fp8")]
    [InlineData("gptq", Precision.Fp8, "layer 3: found fp8, expected what gptq stores: fp32, fp16, bf16, int8, int4")]
    [InlineData("awq", Precision.Int4, "format: found \"awq\", expected one of compressed-tensors, gptq, modelopt, gguf")]
    public void What_a_format_cannot_store_is_refused(string format, Precision precision, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => Write(format, new LayerPrecision(3, precision))).Message);

    [Fact]
    public void Two_precisions_in_a_layer_are_refused()
    {
        var plan = new Plan(new ModelFingerprint("m", [3], 2, 1, null), 1,
            [new LayerPlan(3, [new Slot(0, Precision.Bf16, 0), new Slot(1, Precision.Int4, 0)])],
            new PlanBudget(4, 3, 1), new PlanPolicy("p", new Dictionary<string, string>(), 1), new PlanForecast(1, 1, 1, null));
        var e = Assert.Throws<InvalidInputException>(() => MixedPrecisionConfigs.LayersOf(plan));
        Assert.Equal(("plan: layer 3", "experts in bf16 and int4"), (e.Where, e.Found));
    }
}
