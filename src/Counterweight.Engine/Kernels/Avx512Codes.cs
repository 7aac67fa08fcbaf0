using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// How the values of a precision become 16 fp32 weights in a register; a type argument, so that each loop is compiled for its own.
/// </summary>
internal unsafe interface IAvx512Codes<TSelf> where TSelf : struct, IAvx512Codes<TSelf>
{
    /// <summary>The weights of an even input and of the next one.</summary>
    static abstract void LoadTwo(byte* codes, int input, out Vector512<float> even, out Vector512<float> odd);

    /// <summary>The weights of an even input that has no next one.</summary>
    static abstract Vector512<float> LoadLast(byte* codes, int input);

    /// <summary>Brings the codes of an even input and of the next one into the cache.</summary>
    static abstract void FetchTwo(byte* codes, int input);
}

internal readonly unsafe struct Fp32Avx512 : IAvx512Codes<Fp32Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, out Vector512<float> even, out Vector512<float> odd)
    {
        even = Vector512.Load((float*)codes + (nint)input * 16);
        odd = Vector512.Load((float*)codes + (nint)input * 16 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLast(byte* codes, int input) => Vector512.Load((float*)codes + (nint)input * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input)
    {
        Sse.Prefetch0(codes + (nint)input * 64);
        Sse.Prefetch0(codes + (nint)input * 64 + 64);
    }
}

internal readonly unsafe struct Bf16Avx512 : IAvx512Codes<Bf16Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, out Vector512<float> even, out Vector512<float> odd)
    {
        var pair = Vector512.Load((int*)codes + (nint)input * 8);
        even = (pair << 16).AsSingle();
        odd = (pair & Vector512.Create(unchecked((int)0xFFFF0000))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLast(byte* codes, int input) => (Vector512.Load((int*)codes + (nint)input * 8) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input) => Sse.Prefetch0(codes + (nint)input * 32);
}

internal readonly unsafe struct Fp16Avx512 : IAvx512Codes<Fp16Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, out Vector512<float> even, out Vector512<float> odd)
    {
        var pair = Vector512.Load((int*)codes + (nint)input * 8);
        even = Widen((pair << 16) >> 16);
        odd = Widen(pair >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLast(byte* codes, int input) => Widen((Vector512.Load((int*)codes + (nint)input * 8) << 16) >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FetchTwo(byte* codes, int input) => Sse.Prefetch0(codes + (nint)input * 32);

    // .NET has no F16C: exponents are rebiased as integers. Subnormal halves get a one in front of their fraction, which a subtraction
    // takes away again; infinities and NaNs get the largest exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector512<int> half)
    {
        var magnitude = (half & Vector512.Create(0x7FFF)) << 13;
        var normal = magnitude + Vector512.Create(112 << 23);
        var subnormal = (magnitude + Vector512.Create(113 << 23)).AsSingle() - Vector512.Create(113 << 23).AsSingle();
        var value = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(1 << 23)), subnormal.AsInt32(), normal);
        value |= Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(31 << 23)) & Vector512.Create(0x7F800000);
        return (value | (half & Vector512.Create(int.MinValue))).AsSingle();
    }
}

/// <summary>The 16 integer codes of an input out of a vector of words, as floats.</summary>
internal static class Avx512Integers
{
    /// <param name="words">Four int8 codes each.</param>
    /// <param name="place">Which of them, 0 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Int8(Vector512<int> words, int place) => Vector512.ConvertToSingle((words << (24 - 8 * place)) >> 24);

    // The permutation reads the low four bits of its indices: masking, subtracting 8 and converting in one instruction.
    /// <param name="words">Eight int4 codes each.</param>
    /// <param name="place">Which of them, 0 to 7.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Int4(Vector512<int> words, int place) => Avx512F.PermuteVar16x32(
        Vector512.Create(-8f, -7f, -6f, -5f, -4f, -3f, -2f, -1f, 0f, 1f, 2f, 3f, 4f, 5f, 6f, 7f), words >>> (8 * (place & 3) + place / 4 * 4));
}
