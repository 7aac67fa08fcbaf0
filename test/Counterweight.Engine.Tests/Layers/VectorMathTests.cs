using Counterweight.Engine.Layers;
using Counterweight.Engine.Tests.Kernels;

namespace Counterweight.Engine.Tests.Layers;

public class VectorMathTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(600)]
    public unsafe void RmsNormMatchesTheFormula(int width)
    {
        var (x, weight, y) = (KernelCases.Random(width, 1, 3f), KernelCases.Random(width, 2), new float[width]);
        fixed (float* input = x, output = y)
            VectorMath.RmsNorm(input, weight, 1e-5f, output);
        var scale = 1 / Math.Sqrt(x.Average(value => (double)value * value) + 1e-5);
        for (var i = 0; i < width; i++)
            Assert.Equal(x[i] * scale * weight[i], y[i], 1e-5);
    }

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(33, 0.3f)]
    [InlineData(500, 1f)]
    public void SoftmaxMatchesTheFormulaAndNeverOverflows(int count, float scale)
    {
        var x = KernelCases.Random(count, 3, 300f);
        var y = (float[])x.Clone();
        VectorMath.Softmax(y, scale);
        var max = x.Max();
        var exponentials = x.Select(value => Math.Exp(((double)value - max) * scale)).ToArray();
        for (var i = 0; i < count; i++)
            Assert.Equal(exponentials[i] / exponentials.Sum(), y[i], 1e-5);
    }

    [Theory]
    [InlineData(1, 1f, float.NegativeInfinity)]
    [InlineData(15, 0.2f, 70f)]
    [InlineData(16, 1f, 300f)]
    [InlineData(33, 0.3f, float.NegativeInfinity)]
    [InlineData(500, 1f, -20f)]
    public void SoftmaxWithASinkMatchesTheFormulaAndNeverOverflows(int count, float scale, float sink)
    {
        var x = KernelCases.Random(count, 3, 300f);
        var y = (float[])x.Clone();
        VectorMath.SoftmaxWithSink(y, scale, sink);
        var max = Math.Max((double)x.Max() * scale, sink);
        var exponentials = x.Select(value => Math.Exp((double)value * scale - max)).ToArray();
        for (var i = 0; i < count; i++)
            Assert.Equal(exponentials[i] / (exponentials.Sum() + Math.Exp(sink - max)), y[i], 1e-5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(1030)]
    public unsafe void SiluMultiplyMatchesTheFormula(int count)
    {
        var (gate, up) = (KernelCases.Random(count, 4, 8f), KernelCases.Random(count, 5));
        var result = (float[])gate.Clone();
        fixed (float* g = result, u = up)
            VectorMath.SiluMultiply(g, u, count);
        for (var i = 0; i < count; i++)
            Assert.Equal(gate[i] / (1 + Math.Exp(-gate[i])) * up[i], result[i], 1e-5);
    }
}
