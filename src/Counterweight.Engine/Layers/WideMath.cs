using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Exponentials and what is made of them, 16 at once with AVX-512, in fewer passes than the runtime's own functions take. The relative error of e^x is 10⁻⁷ · max(1, |x|).
/// </summary>
internal static unsafe class WideMath
{
    private const int Width = 16;

    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>Softmax of x · scale in place, with the maximum taken out first; <paramref name="sink"/> is one more logit in the sum.</summary>
    public static void Softmax(Span<float> x, float scale, float sink)
    {
        var last = x.Length / Width * Width;
        fixed (float* first = x)
        {
            var largest = Vector512.Create(float.NegativeInfinity);
            for (var i = 0; i < last; i += Width)
                largest = Avx512F.Max(largest, Vector512.Load(first + i));
            var rest = Rest(first + last, x.Length - last, float.NegativeInfinity);
            var max = MathF.Max(HorizontalMax(Avx512F.Max(largest, rest)) * scale, sink);
            // e^(x·scale - max) = 2^(x·scale·log₂e - max·log₂e)
            var (factor, offset) = (Vector512.Create(scale * Log2E), Vector512.Create(-max * Log2E));
            var sum = Vector512<float>.Zero;
            for (var i = 0; i < last; i += Width)
            {
                var power = Exp2(Avx512F.FusedMultiplyAdd(Vector512.Load(first + i), factor, offset));
                power.Store(first + i);
                sum += power;
            }
            rest = Exp2(Avx512F.FusedMultiplyAdd(rest, factor, offset));
            var inverse = 1f / (Vector512.Sum(sum + rest) + MathF.Exp(sink - max));
            for (var i = 0; i < last; i += Width)
                (Vector512.Load(first + i) * inverse).Store(first + i);
            for (var i = last; i < x.Length; i++)
                first[i] = rest[i - last] * inverse;
        }
    }

    /// <summary>gate = silu(gate) · up, where silu(x) = x / (1 + e⁻ˣ).</summary>
    public static void SiluMultiply(float* gate, float* up, int count)
    {
        var last = count / Width * Width;
        for (var i = 0; i < last; i += Width)
            SiluMultiply(Vector512.Load(gate + i), Vector512.Load(up + i)).Store(gate + i);
        var rest = SiluMultiply(Rest(gate + last, count - last, 0), Rest(up + last, count - last, 0));
        for (var i = last; i < count; i++)
            gate[i] = rest[i - last];
    }

    private const float Log2E = 1.44269504f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> SiluMultiply(Vector512<float> gate, Vector512<float> up) =>
        gate * up / (Vector512<float>.One + Exp2(gate * -Log2E));

    /// <summary>2ˣ: the Taylor series of the fraction, ln(2)ᵏ/k!, which seven terms give to 5·10⁻⁹, times the power of the whole part.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exp2(Vector512<float> x)
    {
        var whole = Avx512F.RoundScale(x, 0);
        var fraction = x - whole;
        var sum = Avx512F.FusedMultiplyAdd(fraction, Vector512.Create(1.52527338e-5f), Vector512.Create(1.54035304e-4f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512.Create(1.33335581e-3f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512.Create(9.61812911e-3f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512.Create(5.55041087e-2f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512.Create(0.240226507f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512.Create(0.693147181f));
        sum = Avx512F.FusedMultiplyAdd(sum, fraction, Vector512<float>.One);
        return Avx512F.Scale(sum, whole);
    }

    /// <summary>Fewer than 16 values, the other places filled.</summary>
    private static Vector512<float> Rest(float* values, int count, float filler)
    {
        var padded = stackalloc float[Width];
        Vector512.Create(filler).Store(padded);
        new ReadOnlySpan<float>(values, count).CopyTo(new Span<float>(padded, Width));
        return Vector512.Load(padded);
    }

    private static float HorizontalMax(Vector512<float> values)
    {
        var half = Vector256.Max(values.GetLower(), values.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        var pair = Vector128.Max(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(pair[0], pair[1]);
    }
}
