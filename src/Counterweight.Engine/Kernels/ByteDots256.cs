using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>Products of bytes in 256-bit registers; a type argument, so that the tiles are compiled for each. Sums lie in pairs of registers, for the low and the high half of a panel.</summary>
internal unsafe interface IByteDots256
{
    /// <summary>Whether int8 products read <see cref="SignedRows"/>, otherwise <see cref="QuantizedRows"/>.</summary>
    static abstract bool ReadsSignedRows { get; }

    /// <summary>What the sums over a block begin with.</summary>
    static abstract Vector256<int> Int8Start(byte* block);

    /// <summary>The weights as they enter the products.</summary>
    static abstract Vector256<byte> Int8Weights(Vector256<byte> codes);

    /// <summary>sum += Σ₄ weight · activation, the activations being those of a word in a block.</summary>
    static abstract void Int8(byte* block, int word, Vector256<byte> low, Vector256<byte> high, ref Vector256<int> sumLow, ref Vector256<int> sumHigh);

    /// <summary>What the sums over a block begin with: codes of weights are stored with 8 added.</summary>
    static abstract Vector256<int> Int4Start(byte* block);

    /// <summary>sum + Σ₄ weight · activation over weights 0..15; 8 times before <see cref="Int4Sum"/>.</summary>
    static abstract Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x);

    /// <summary>What <see cref="Int4"/> has summed up, as int32.</summary>
    static abstract Vector256<int> Int4Sum(Vector256<int> sum);
}

/// <summary>AVX2: pairs of products are summed in int16, where no pair can saturate.</summary>
internal readonly unsafe struct Avx2Dots : IByteDots256
{
    public static bool ReadsSignedRows => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int8Start(byte* block) => Vector256.Create(*(int*)(block + SignedRows.StartOffset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Int8Weights(Vector256<byte> codes) => codes;

    // 2 · 127 · 128 is below 2¹⁵.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Int8(byte* block, int word, Vector256<byte> low, Vector256<byte> high, ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        var magnitudes = Vector256.Create(*(int*)(block + SignedRows.MagnitudesOffset + 4 * word)).AsByte();
        var signs = Vector256.Create(*(int*)(block + SignedRows.SignsOffset + 4 * word)).AsByte();
        sumLow += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitudes, (low ^ signs).AsSByte()), Vector256<short>.One);
        sumHigh += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitudes, (high ^ signs).AsSByte()), Vector256<short>.One);
    }

    // Half of the eights in either half of a word, whose sums then stay within 2 · 16 · 8 · 127, which is below 2¹⁵; what is above on the way wraps around twice.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Start(byte* block) => (Vector256.Create(*(short*)(block + QuantizedRows.SumOffset)) << 2).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) =>
        (sum.AsInt16() + Avx2.MultiplyAddAdjacent(weights, x)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Sum(Vector256<int> sum) => Avx2.MultiplyAddAdjacent(sum.AsInt16(), Vector256<short>.One);
}

/// <summary>AVX-VNNI: int8 weights enter as code + 128, which the start of the sum takes away again.</summary>
internal readonly unsafe struct AvxVnniDots : IByteDots256
{
    public static bool ReadsSignedRows => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int8Start(byte* block) => Vector256.Create(*(int*)(block + QuantizedRows.SumOffset)) << 7;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Int8Weights(Vector256<byte> codes) => codes ^ Vector256.Create((byte)128);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Int8(byte* block, int word, Vector256<byte> low, Vector256<byte> high, ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        var x = Vector256.Create(*(int*)(block + QuantizedRows.CodesOffset + 4 * word)).AsSByte();
        sumLow = AvxVnni.MultiplyWideningAndAdd(sumLow, low, x);
        sumHigh = AvxVnni.MultiplyWideningAndAdd(sumHigh, high, x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Start(byte* block) => Vector256.Create(*(int*)(block + QuantizedRows.SumOffset)) << 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => AvxVnni.MultiplyWideningAndAdd(sum, weights, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int4Sum(Vector256<int> sum) => sum;
}
