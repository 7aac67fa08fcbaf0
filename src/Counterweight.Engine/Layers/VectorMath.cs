using System.Numerics.Tensors;

namespace Counterweight.Engine.Layers;

/// <summary>Row operations over raw activations; each element's result is the same whatever the batch around it.</summary>
internal static unsafe class VectorMath
{
    /// <summary>y += x.</summary>
    public static void Add(float* y, ReadOnlySpan<float> x)
    {
        var sum = new Span<float>(y, x.Length);
        TensorPrimitives.Add(sum, x, sum);
    }

    /// <summary>y += x · factor.</summary>
    public static void AddScaled(float* y, ReadOnlySpan<float> x, float factor)
    {
        var sum = new Span<float>(y, x.Length);
        TensorPrimitives.MultiplyAdd(x, factor, sum, sum);
    }

    /// <summary>y = x / √(mean(x²) + ε) · weight (RMSNorm, Zhang &amp; Sennrich 2019).</summary>
    public static void RmsNorm(float* x, ReadOnlySpan<float> weight, float epsilon, float* y)
    {
        var input = new ReadOnlySpan<float>(x, weight.Length);
        var output = new Span<float>(y, weight.Length);
        var scale = 1f / MathF.Sqrt(TensorPrimitives.SumOfSquares(input) / weight.Length + epsilon);
        TensorPrimitives.Multiply(input, scale, output);
        TensorPrimitives.Multiply(output, weight, output);
    }

    /// <summary>Softmax of x · scale in place, with the maximum taken out first.</summary>
    public static void Softmax(Span<float> x, float scale = 1f)
    {
        TensorPrimitives.Subtract(x, TensorPrimitives.Max(x), x);
        if (scale != 1f)
            TensorPrimitives.Multiply(x, scale, x);
        TensorPrimitives.Exp(x, x);
        TensorPrimitives.Multiply(x, 1f / TensorPrimitives.Sum(x), x);
    }

    /// <summary>The same for attention, with one more logit in the sum, which is dropped afterwards: the weights add up to less than 1. −∞ for none.</summary>
    public static void SoftmaxWithSink(Span<float> x, float scale, float sink)
    {
        if (WideMath.IsSupported)
        {
            WideMath.Softmax(x, scale, sink);
            return;
        }
        TensorPrimitives.Multiply(x, scale, x);
        var max = MathF.Max(TensorPrimitives.Max<float>(x), sink);
        TensorPrimitives.Subtract(x, max, x);
        TensorPrimitives.Exp(x, x);
        TensorPrimitives.Multiply(x, 1f / (TensorPrimitives.Sum<float>(x) + MathF.Exp(sink - max)), x);
    }

    /// <summary>x *= factor.</summary>
    public static void Multiply(Span<float> x, float factor) => TensorPrimitives.Multiply(x, factor, x);

    /// <summary>x limited to ±limit, in place.</summary>
    public static void Clamp(Span<float> x, float limit) => TensorPrimitives.Clamp(x, -limit, limit, x);

    /// <summary>gate = silu(gate) · up, where silu(x) = x · sigmoid(x).</summary>
    public static void SiluMultiply(float* gate, float* up, int count)
    {
        if (WideMath.IsSupported)
        {
            WideMath.SiluMultiply(gate, up, count);
            return;
        }
        const int Block = 512;
        Span<float> sigmoid = stackalloc float[Block];
        for (var i = 0; i < count; i += Block)
        {
            var length = Math.Min(Block, count - i);
            var values = new Span<float>(gate + i, length);
            TensorPrimitives.Sigmoid(values, sigmoid[..length]);
            TensorPrimitives.Multiply(values, sigmoid[..length], values);
            TensorPrimitives.Multiply(values, new ReadOnlySpan<float>(up + i, length), values);
        }
    }
}
