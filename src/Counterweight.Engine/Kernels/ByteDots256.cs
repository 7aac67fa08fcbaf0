using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>Products of bytes in 256-bit registers; a type argument, so that the tiles are compiled for each.</summary>
internal interface IByteDots256
{
    /// <summary>What sums over int8 codes begin with.</summary>
    static abstract int Int8Start(int negativeSum);

    /// <summary>The weights as they enter the products.</summary>
    static abstract Vector256<byte> Int8Weights(Vector256<sbyte> weights);

    /// <summary>sum + Σ₄ weight · activation; <paramref name="prepared"/> is what <see cref="Int8Weights"/> made.</summary>
    static abstract Vector256<int> Int8(Vector256<int> sum, Vector256<byte> prepared, Vector256<sbyte> weights, Vector256<sbyte> x);

    /// <summary>sum + Σ₄ weight · activation over weights 0..15; at most 8 times before <see cref="Int4Sum"/>.</summary>
    static abstract Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x);

    /// <summary>What <see cref="Int4"/> has summed up, as int32.</summary>
    static abstract Vector256<int> Int4Sum(Vector256<int> sum);
}

/// <summary>AVX2: pairs of products are summed in int16. With the signs of the weights moved to the activations none of them can saturate: 2 · 127 · 128 is below 2¹⁵.</summary>
internal readonly struct Avx2Dots : IByteDots256
{
    public static int Int8Start(int negativeSum) => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Int8Weights(Vector256<sbyte> weights) => Avx2.Abs(weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int8(Vector256<int> sum, Vector256<byte> prepared, Vector256<sbyte> weights, Vector256<sbyte> x) =>
        sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(prepared, Avx2.Sign(x, weights)), Vector256<short>.One);

    // 8 · 2 · 15 · 127 is below 2¹⁵: int4 products of a whole group are summed in int16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) =>
        (sum.AsInt16() + Avx2.MultiplyAddAdjacent(weights, x)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Sum(Vector256<int> sum) => Avx2.MultiplyAddAdjacent(sum.AsInt16(), Vector256<short>.One);
}

/// <summary>AVX-VNNI: weights enter as code + 128, which the start of the sum takes away again.</summary>
internal readonly struct AvxVnniDots : IByteDots256
{
    public static int Int8Start(int negativeSum) => negativeSum * 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Int8Weights(Vector256<sbyte> weights) => weights.AsByte() ^ Vector256.Create((byte)128);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int8(Vector256<int> sum, Vector256<byte> prepared, Vector256<sbyte> weights, Vector256<sbyte> x) =>
        AvxVnni.MultiplyWideningAndAdd(sum, prepared, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => AvxVnni.MultiplyWideningAndAdd(sum, weights, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Sum(Vector256<int> sum) => sum;
}
