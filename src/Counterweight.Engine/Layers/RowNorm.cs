using System.Numerics.Tensors;

namespace Counterweight.Engine.Layers;

/// <summary>A normalisation of rows with its weights.</summary>
internal abstract unsafe class RowNorm
{
    /// <summary>y = norm(x), both [width]; y may be x.</summary>
    public abstract void Apply(float* x, float* y);

    /// <summary>Normalises every head of one token by itself in place, x [heads, headDim].</summary>
    public void ApplyToHeads(float* x, int heads, int headDim)
    {
        for (var head = 0; head < heads; head++)
            Apply(x + head * headDim, x + head * headDim);
    }
}

/// <summary>RMSNorm (Zhang &amp; Sennrich 2019).</summary>
internal sealed unsafe class RmsNorm(float[] weight, float epsilon) : RowNorm
{
    public override void Apply(float* x, float* y) => VectorMath.RmsNorm(x, weight, epsilon, y);
}

/// <summary>LayerNorm with bias (Ba et al. 2016).</summary>
internal sealed unsafe class LayerNorm(float[] weight, float[] bias, float epsilon) : RowNorm
{
    public override void Apply(float* x, float* y)
    {
        var input = new ReadOnlySpan<float>(x, weight.Length);
        var output = new Span<float>(y, weight.Length);
        TensorPrimitives.Subtract(input, TensorPrimitives.Sum(input) / weight.Length, output);
        var scale = 1f / MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(output) / weight.Length + epsilon);
        TensorPrimitives.Multiply(output, scale, output);
        TensorPrimitives.MultiplyAdd(output, weight, bias, output);
    }
}
