using System.Numerics.Tensors;
using Counterweight.Balancing;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Rotary position embedding (Su et al. 2021), rotate-half form: the pair (xᵢ, xᵢ₊half) turns by position · frequencyᵢ.
/// </summary>
public sealed unsafe class RotaryEmbedding(RotaryFrequencies frequencies)
{
    private float[] _cos = []; // [positions, half]
    private float[] _sin = [];

    /// <summary>Width that is rotated.</summary>
    public int Width => frequencies.Inverse.Length * 2;

    /// <summary>Computes the tables up to <paramref name="positions"/> positions; not to be called while rows are being rotated.</summary>
    /// <exception cref="InvalidInputException">Such long texts would need other frequencies.</exception>
    public void Reserve(int positions)
    {
        if (positions > frequencies.LongestText)
            throw new InvalidInputException("text", $"{positions} tokens", $"at most {frequencies.LongestText}: rotation scaled for longer texts is not supported");
        var half = frequencies.Inverse.Length;
        var known = _cos.Length / half;
        if (positions <= known)
            return;
        var wanted = Math.Max(positions, known * 2);
        Array.Resize(ref _cos, wanted * half);
        Array.Resize(ref _sin, wanted * half);
        for (var position = known; position < wanted; position++)
            for (var i = 0; i < half; i++)
            {
                // The reference forms the angle in single precision as well.
                var angle = position * frequencies.Inverse[i];
                _cos[position * half + i] = MathF.Cos(angle) * frequencies.AttentionFactor;
                _sin[position * half + i] = MathF.Sin(angle) * frequencies.AttentionFactor;
            }
    }

    /// <summary>Rotates the first <see cref="Width"/> dimensions of every head of one token in place, x [heads, headDim].</summary>
    public void RotateHeads(float* x, int heads, int headDim, int position)
    {
        Span<float> scratch = stackalloc float[Width];
        for (var head = 0; head < heads; head++)
            Rotate(x + head * headDim, position, scratch);
    }

    /// <summary>The same for models whose pairs are adjacent: (x₂ᵢ, x₂ᵢ₊₁) turns by position · frequencyᵢ.</summary>
    public void RotatePairs(float* x, int heads, int headDim, int position)
    {
        var half = frequencies.Inverse.Length;
        var cos = _cos.AsSpan(position * half, half);
        var sin = _sin.AsSpan(position * half, half);
        for (var head = 0; head < heads; head++)
            for (var i = 0; i < half; i++)
            {
                var pair = x + head * headDim + 2 * i;
                (pair[0], pair[1]) = (pair[0] * cos[i] - pair[1] * sin[i], pair[1] * cos[i] + pair[0] * sin[i]);
            }
    }

    /// <summary>Rotates one head of one token in place, x [Width]; <paramref name="scratch"/> has room for Width floats.</summary>
    public void Rotate(float* x, int position, Span<float> scratch)
    {
        var half = frequencies.Inverse.Length;
        var cos = _cos.AsSpan(position * half, half);
        var sin = _sin.AsSpan(position * half, half);
        var low = new Span<float>(x, half);
        var high = new Span<float>(x + half, half);
        var turnedLow = scratch[..half];
        var turnedHigh = scratch.Slice(half, half);
        TensorPrimitives.Multiply(high, sin, turnedLow);
        TensorPrimitives.Multiply(low, sin, turnedHigh);
        TensorPrimitives.Multiply(low, cos, low);
        TensorPrimitives.Multiply(high, cos, high);
        TensorPrimitives.Subtract(low, turnedLow, low);
        TensorPrimitives.Add(high, turnedHigh, high);
    }
}
