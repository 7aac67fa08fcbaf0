using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>Integer codes with scales that groups of inputs share.</summary>
/// <param name="Precision">What the result is stored as.</param>
/// <param name="Group">Inputs of a scale; the whole row if it is shorter.</param>
/// <param name="Min">Smallest code.</param>
/// <param name="Max">Largest code.</param>
internal sealed record IntegerGrid(Precision Precision, int Group, int Min, int Max)
{
    /// <summary>One scale for a row, symmetric.</summary>
    public static IntegerGrid Int8 { get; } = new(Precision.Int8, int.MaxValue, -127, 127);

    /// <summary>One scale for 32 inputs; the scale's sign says which end has the extra code.</summary>
    public static IntegerGrid Int4 { get; } = new(Precision.Int4, QuantizedMatrix.GroupSize, -8, 7);

    private const int ScaleCandidates = 24;

    /// <summary>Smallest scale that is tried, as a share of the one that clips nothing.</summary>
    private const float SmallestShare = 0.55f;

    /// <summary>Scales of a row of that length.</summary>
    public int Groups(int inputs) => Group >= inputs ? 1 : (inputs + Group - 1) / Group;

    /// <summary>First input of a group and the first behind it.</summary>
    public (int Begin, int End) Bounds(int group, int inputs) => Group >= inputs ? (0, inputs) : (group * Group, Math.Min(inputs, (group + 1) * Group));

    /// <summary>The nearest code.</summary>
    public int Code(float value, float scale) => scale == 0 ? 0 : Math.Clamp((int)MathF.Round(value / scale), Min, Max);

    /// <summary>
    /// The bfloat16 scale with the least squared error, each input weighted: for int8 the one that clips nothing, for int4 searched over
    /// clipping scales of both signs.
    /// </summary>
    public float FitScale(ReadOnlySpan<float> values, ReadOnlySpan<float> importance)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        if (Precision == Precision.Int8 || largest == 0)
            return BFloat16Bits.Up(largest / Max);
        float best = 0;
        var leastError = float.PositiveInfinity;
        for (var i = 0; i < ScaleCandidates; i++)
        {
            var share = SmallestShare + (1 - SmallestShare) * i / (ScaleCandidates - 1);
            foreach (var candidate in (ReadOnlySpan<float>)[largest * share / Max, -largest * share / Max])
            {
                var scale = BFloat16Bits.Nearest(candidate);
                var error = Error(values, importance, scale);
                if (error < leastError)
                    (leastError, best) = (error, scale);
            }
        }
        return best;
    }

    private float Error(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, float scale)
    {
        var sum = 0f;
        var inverse = 1 / scale;
        for (var i = 0; i < values.Length; i++)
        {
            var difference = values[i] - Math.Clamp(MathF.Round(values[i] * inverse), Min, Max) * scale;
            sum += difference * difference * importance[i];
        }
        return sum;
    }
}
