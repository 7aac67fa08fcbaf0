using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>The 8-bit floats of Micikevicius et al. 2022, "FP8 Formats for Deep Learning": e4m3 without infinities (e4m3fn) and e5m2.</summary>
internal static unsafe class Float8
{
    private const float SmallestE4M3 = 1f / 512;

    private static readonly float[] E4M3 = [.. Enumerable.Range(0, 256).Select(code => DecodeE4M3((byte)code))];

    // The upper byte of a half is an e5m2.
    private static readonly float[] E5M2 = [.. Enumerable.Range(0, 256).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8)))];

    /// <summary>values[i] = float of codes[i] · scale.</summary>
    /// <param name="codes">[count].</param>
    /// <param name="isE5M2">Which of the two.</param>
    /// <param name="scale">A factor.</param>
    /// <param name="values">[count].</param>
    /// <param name="count">How many.</param>
    public static void Decode(byte* codes, bool isE5M2, float scale, float* values, int count)
    {
        var i = 0;
        if (Avx2.IsSupported && !isE5M2)
            for (; i + 8 <= count; i += 8)
                (EightE4M3(codes + i) * Vector256.Create(scale)).Store(values + i);
        DecodeScalar(codes + i, isE5M2, scale, values + i, count - i);
    }

    /// <summary>The same, one by one.</summary>
    internal static void DecodeScalar(byte* codes, bool isE5M2, float scale, float* values, int count)
    {
        var table = isE5M2 ? E5M2 : E4M3;
        for (var i = 0; i < count; i++)
            values[i] = table[codes[i]] * scale;
    }

    /// <summary>The float of an e4m3 code.</summary>
    public static float ValueOfE4M3(byte code) => E4M3[code];

    private static float DecodeE4M3(byte code)
    {
        var (exponent, fraction) = ((code >> 3) & 15, code & 7);
        var magnitude = (exponent, fraction) switch
        {
            (15, 7) => float.NaN,
            (0, _) => fraction * SmallestE4M3,
            _ => (8 + fraction) * MathF.ScaleB(1, exponent - 10),
        };
        return code < 128 ? magnitude : -magnitude;
    }

    // Exponents are rebiased as integers; subnormals are counted in steps of the smallest one.
    private static Vector256<float> EightE4M3(byte* codes)
    {
        var code = Avx2.ConvertToVector256Int32(codes);
        var magnitude = code & Vector256.Create(0x7F);
        var normal = (magnitude << 20) + Vector256.Create((127 - 7) << 23);
        var subnormal = (Vector256.ConvertToSingle(magnitude) * Vector256.Create(SmallestE4M3)).AsInt32();
        var value = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(8)), subnormal, normal);
        value |= Vector256.Equals(magnitude, Vector256.Create(0x7F)) & Vector256.Create(0x7FC00000);
        return (value | ((code & Vector256.Create(0x80)) << 24)).AsSingle();
    }
}
