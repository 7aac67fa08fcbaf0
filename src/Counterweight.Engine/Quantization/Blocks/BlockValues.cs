using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>
/// What the block decoders share: 16 codes become 16 floats. A product is rounded before it is added to, as the formats' definitions
/// have it, so there are no fused multiply-adds here.
/// </summary>
internal static unsafe class BlockValues
{
    /// <summary>The half at <paramref name="p"/>.</summary>
    public static float Half(byte* p) => (float)Unsafe.ReadUnaligned<Half>(p);

    /// <summary>y[i] = scale · codes[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<sbyte> codes, float scale, float* y)
    {
        var factor = Vector128.Create(scale);
        var (low, high) = Vector128.Widen(codes);
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        (Vector128.ConvertToSingle(a) * factor).Store(y);
        (Vector128.ConvertToSingle(b) * factor).Store(y + 4);
        (Vector128.ConvertToSingle(c) * factor).Store(y + 8);
        (Vector128.ConvertToSingle(d) * factor).Store(y + 12);
    }

    /// <summary>y[i] = scale · codes[i] + offset, for codes below 128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndAdd(Vector128<byte> codes, float scale, float offset, float* y)
    {
        var (factor, sum) = (Vector128.Create(scale), Vector128.Create(offset));
        var (low, high) = Vector128.Widen(codes.AsSByte());
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        ((Vector128.ConvertToSingle(a) * factor) + sum).Store(y);
        ((Vector128.ConvertToSingle(b) * factor) + sum).Store(y + 4);
        ((Vector128.ConvertToSingle(c) * factor) + sum).Store(y + 8);
        ((Vector128.ConvertToSingle(d) * factor) + sum).Store(y + 12);
    }

    /// <summary>The <paramref name="mask"/>ed bits of 16 bytes from bit <paramref name="shift"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Bits(byte* p, int shift, byte mask) => (Vector128.Load(p) >>> shift) & Vector128.Create(mask);

    /// <summary>Bits [first, first + 16) of a bit field as bytes 0 or 16: the fifth bit of codes.</summary>
    public static Vector128<byte> FifthBits(uint field, int first)
    {
        var select = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        var spread = Vector128.Shuffle(Vector128.Create(field >> first).AsByte(), Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        return Vector128.Equals(spread & select, select) & Vector128.Create((byte)16);
    }
}
