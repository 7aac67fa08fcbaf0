using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>How the values of a precision become 8 fp32 weights, half a panel, in a register.</summary>
internal unsafe interface IAvx2Codes<TSelf> where TSelf : struct, IAvx2Codes<TSelf>
{
    /// <summary>The weights of an even input and of the next one; <paramref name="half"/> is 0 or 8.</summary>
    static abstract void LoadTwo(byte* codes, int input, int half, out Vector256<float> even, out Vector256<float> odd);

    /// <summary>The weights of an even input that has no next one.</summary>
    static abstract Vector256<float> LoadLast(byte* codes, int input, int half);

    /// <summary>Brings the codes of an even input and of the next one into the cache.</summary>
    static abstract void FetchTwo(byte* codes, int input);
}

internal readonly unsafe struct Fp32Avx2 : IAvx2Codes<Fp32Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, int half, out Vector256<float> even, out Vector256<float> odd)
    {
        even = Vector256.Load((float*)codes + (nint)input * 16 + half);
        odd = Vector256.Load((float*)codes + (nint)input * 16 + 16 + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadLast(byte* codes, int input, int half) => Vector256.Load((float*)codes + (nint)input * 16 + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input)
    {
        Sse.Prefetch0(codes + (nint)input * 64);
        Sse.Prefetch0(codes + (nint)input * 64 + 64);
    }
}

internal readonly unsafe struct Bf16Avx2 : IAvx2Codes<Bf16Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, int half, out Vector256<float> even, out Vector256<float> odd)
    {
        var pair = Vector256.Load((int*)codes + (nint)input * 8 + half);
        even = (pair << 16).AsSingle();
        odd = (pair & Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadLast(byte* codes, int input, int half) => (Vector256.Load((int*)codes + (nint)input * 8 + half) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input) => Sse.Prefetch0(codes + (nint)input * 32);
}

internal readonly unsafe struct Fp16Avx2 : IAvx2Codes<Fp16Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, int half, out Vector256<float> even, out Vector256<float> odd)
    {
        var pair = Vector256.Load((int*)codes + (nint)input * 8 + half);
        even = Widen((pair << 16) >> 16);
        odd = Widen(pair >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadLast(byte* codes, int input, int half) => Widen((Vector256.Load((int*)codes + (nint)input * 8 + half) << 16) >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input) => Sse.Prefetch0(codes + (nint)input * 32);

    // The same steps as in Fp16Avx512.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Vector256<int> bits)
    {
        var magnitude = (bits & Vector256.Create(0x7FFF)) << 13;
        var normal = magnitude + Vector256.Create(112 << 23);
        var subnormal = (magnitude + Vector256.Create(113 << 23)).AsSingle() - Vector256.Create(113 << 23).AsSingle();
        var value = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(1 << 23)), subnormal.AsInt32(), normal);
        value |= Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(31 << 23)) & Vector256.Create(0x7F800000);
        return (value | (bits & Vector256.Create(int.MinValue))).AsSingle();
    }
}

/// <summary>Eight integer codes of an input out of a vector of words, as floats.</summary>
internal static class Avx2Integers
{
    /// <param name="words">Four int8 codes each.</param>
    /// <param name="place">Which of them, 0 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Int8(Vector256<int> words, int place) => Vector256.ConvertToSingle((words << (24 - 8 * place)) >> 24);

    /// <param name="words">Eight int4 codes each.</param>
    /// <param name="place">Which of them, 0 to 7.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Int4(Vector256<int> words, int place) =>
        Vector256.ConvertToSingle(((words >>> (8 * (place & 3) + place / 4 * 4)) & Vector256.Create(15)) - Vector256.Create(8));
}
