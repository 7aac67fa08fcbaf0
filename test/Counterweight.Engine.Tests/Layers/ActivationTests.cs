using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Tests.Layers;

public class ActivationTests
{
    // Of scipy.special.erf.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 0.1124629160182849)]
    [InlineData(-0.5, -0.5204998778130465)]
    [InlineData(1, 0.8427007929497149)]
    [InlineData(2, 0.9953222650189527)]
    [InlineData(2.9999, 0.9999778955735178)]
    [InlineData(3, 0.9999779095030014)]
    [InlineData(-4, -0.9999999845827421)]
    [InlineData(40, 1)]
    public void TheErrorFunctionIsThePublishedOne(double x, double expected) => Assert.Equal(expected, ErrorFunction.Of(x), 1e-13);

    public static TheoryData<string, Func<double, double>> Definitions() => new()
    {
        { "silu", x => x / (1 + Math.Exp(-x)) },
        { "swish", x => x / (1 + Math.Exp(-x)) },
        { "relu", x => Math.Max(x, 0) },
        { "gelu", x => x / 2 * (1 + ErrorFunction.Of(x / Math.Sqrt(2))) },
        { "gelu_new", x => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) },
        { "gelu_pytorch_tanh", x => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) },
    };

    [Theory]
    [MemberData(nameof(Definitions))]
    public unsafe void ActivationsAreTheirDefinitions(string name, Func<double, double> definition)
    {
        float[] x = [-30, -3.5f, -1, -0.25f, 0, 1e-3f, 0.75f, 2, 5.5f, 30];
        float[] up = [1, -2, 3, 0.5f, 7, -1, 1.5f, 2, -0.125f, 1];
        var (plain, gated) = ((float[])x.Clone(), (float[])x.Clone());
        fixed (float* p = plain, g = gated, u = up)
        {
            Activation.Plain(name)!.Apply(p, null, x.Length);
            Activation.Gated(name)!.Apply(g, u, x.Length);
        }
        for (var i = 0; i < x.Length; i++)
        {
            Assert.Equal(definition(x[i]), plain[i], 1e-5 * Math.Max(1, Math.Abs(x[i])));
            Assert.Equal(definition(x[i]) * up[i], gated[i], 1e-5 * Math.Max(1, Math.Abs(x[i] * up[i])));
        }
    }

    [Fact]
    public void OtherNamesAreNotKnown()
    {
        Assert.Null(Activation.Plain("mish"));
        Assert.Null(Activation.Gated("gated-gelu"));
    }
}
