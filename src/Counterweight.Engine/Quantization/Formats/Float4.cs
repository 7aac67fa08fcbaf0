using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>The 4-bit floats e2m1 of the OCP Microscaling Formats, two in a byte, the even one in the low nibble.</summary>
internal static unsafe class Float4
{
    private static readonly float[] Values = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    /// <summary>values[i] = float of code i · scale.</summary>
    /// <param name="pairs">[(count + 1) / 2].</param>
    /// <param name="scale">A factor.</param>
    /// <param name="values">[count].</param>
    /// <param name="count">How many.</param>
    public static void Decode(byte* pairs, float scale, float* values, int count)
    {
        var i = 0;
        if (Avx2.IsSupported)
            for (; i + 16 <= count; i += 16)
                DecodeSixteen(pairs + i / 2, Vector256.Create(scale), values + i);
        DecodeScalar(pairs + i / 2, scale, values + i, count - i);
    }

    /// <summary>The same, one by one.</summary>
    internal static void DecodeScalar(byte* pairs, float scale, float* values, int count)
    {
        for (var i = 0; i < count; i++)
            values[i] = Values[(pairs[i / 2] >> (i % 2 * 4)) & 15] * scale;
    }

    private static void DecodeSixteen(byte* pairs, Vector256<float> scale, float* values)
    {
        var bytes = Vector128.CreateScalar(*(ulong*)pairs).AsByte();
        var even = bytes & Vector128.Create((byte)15);
        var odd = (bytes.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)15);
        var codes = Sse2.UnpackLow(even, odd);
        DecodeEight(Avx2.ConvertToVector256Int32(codes), scale, values);
        DecodeEight(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(codes, 8)), scale, values + 8);
    }

    // The permutation reads the low three bits; the fourth is the sign.
    private static void DecodeEight(Vector256<int> codes, Vector256<float> scale, float* values)
    {
        var magnitude = Avx2.PermuteVar8x32(Vector256.Create(0, 0.5f, 1, 1.5f, 2, 3, 4, 6), codes);
        var sign = (codes & Vector256.Create(8)) << 28;
        ((magnitude.AsInt32() | sign).AsSingle() * scale).Store(values);
    }
}
