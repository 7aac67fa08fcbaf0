using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
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

    /// <summary>Clipping scales that are tried, of each sign; least squares finds the rest of the way.</summary>
    private const int ScaleCandidates = 8;

    /// <summary>Smallest scale that is tried, as a share of the one that clips nothing.</summary>
    private const float SmallestShare = 0.55f;

    /// <summary>Alternations of nearest codes and least-squares scale.</summary>
    private const int Alternations = 3;

    /// <summary>Whether the scale follows from the largest weight alone, so that nothing is clipped.</summary>
    public bool HasFixedScale => Precision == Precision.Int8;

    /// <summary>Scales of a row of that length.</summary>
    public int Groups(int inputs) => Group >= inputs ? 1 : (inputs + Group - 1) / Group;

    /// <summary>First input of a group and the first behind it.</summary>
    public (int Begin, int End) Bounds(int group, int inputs) =>
        Group >= inputs ? (0, inputs) : (group * Group, Math.Min(inputs, (group + 1) * Group));

    /// <summary>The nearest code.</summary>
    public int Code(float value, float scale) => scale == 0 ? 0 : Math.Clamp((int)MathF.Round(value / scale), Min, Max);

    /// <summary>
    /// The bfloat16 scale with the least squared error, each input weighted: for int8 the one that clips nothing, for int4 searched over
    /// clipping scales of both signs and refined by least squares.
    /// </summary>
    /// <param name="values">The weights of a group.</param>
    /// <param name="importance">A factor of each squared error, at least as long.</param>
    public float FitScale(ReadOnlySpan<float> values, ReadOnlySpan<float> importance)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        if (HasFixedScale || largest == 0)
            return BFloat16.Up(largest / Max);
        var best = default(ScaleFit);
        for (var i = 0; i < ScaleCandidates; i++)
        {
            var candidate = BFloat16.Nearest(largest / Max * (SmallestShare + (1 - SmallestShare) * i / (ScaleCandidates - 1)));
            best = Better(best, Fit(values, importance, candidate));
            best = Better(best, Fit(values, importance, -candidate));
        }
        for (var i = 0; i < Alternations && best.CodeSquares > 0; i++)
            best = Better(best, Fit(values, importance, BFloat16.Nearest(best.Products / best.CodeSquares)));
        return best.Scale;
    }

    /// <summary>What a scale does to a group, every sum weighted by importance.</summary>
    /// <param name="Scale">The scale.</param>
    /// <param name="Error">Σ (value − code · scale)².</param>
    /// <param name="Products">Σ value · code.</param>
    /// <param name="CodeSquares">Σ code²; 0 where there is no fit.</param>
    private readonly record struct ScaleFit(float Scale, float Error, float Products, float CodeSquares);

    private static ScaleFit Better(ScaleFit best, ScaleFit other) => best.CodeSquares == 0 || other.Error < best.Error ? other : best;

    private ScaleFit Fit(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, float scale)
    {
        Vector256<float> errors = default, products = default, squares = default;
        var step = Vector256.Create(scale);
        var inverse = Vector256.Create(1 / scale);
        for (var i = 0; i < values.Length; i += Vector256<float>.Count)
        {
            var value = Load(values, i);
            var factor = Load(importance[..values.Length], i);
            var code = Vector256.ClampNative(Vector256.Round(value * inverse), Vector256.Create((float)Min), Vector256.Create((float)Max));
            var weighted = code * factor;
            var difference = value - code * step;
            errors += difference * difference * factor;
            products += value * weighted;
            squares += code * weighted;
        }
        return new ScaleFit(scale, Vector256.Sum(errors), Vector256.Sum(products), Vector256.Sum(squares));
    }

    /// <summary>Eight values, zeros behind the end.</summary>
    private static Vector256<float> Load(ReadOnlySpan<float> values, int start)
    {
        if (values.Length - start >= Vector256<float>.Count)
            return Vector256.Create(values[start..]);
        Span<float> padded = stackalloc float[Vector256<float>.Count];
        padded.Clear();
        values[start..].CopyTo(padded);
        return Vector256.Create<float>(padded);
    }
}
