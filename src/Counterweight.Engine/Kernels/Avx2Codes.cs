using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>How the codes of a precision become 8 fp32 weights, half a panel, in a register.</summary>
internal unsafe interface IAvx2Codes<TSelf> where TSelf : struct, IAvx2Codes<TSelf>
{
    /// <summary>Inputs that share a vector of scales.</summary>
    static virtual int Group => 1 << 30;

    /// <summary>The scales of a group; <paramref name="half"/> is 0 or 8.</summary>
    static virtual Vector256<float> Scale(byte* scales, int group, int half) => default;

    /// <summary>The weights of an input; <paramref name="half"/> is 0 or 8.</summary>
    static abstract Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale);

    /// <summary>The weights of an even input and of the next one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void LoadTwo(
        byte* codes, int input, int half, Vector256<float> scale, out Vector256<float> even, out Vector256<float> odd)
    {
        even = TSelf.Load(codes, input, half, scale);
        odd = TSelf.Load(codes, input + 1, half, scale);
    }
}

internal readonly unsafe struct Fp32Avx2 : IAvx2Codes<Fp32Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale) =>
        Vector256.Load((float*)codes + (nint)input * 16 + half);
}

internal readonly unsafe struct Bf16Avx2 : IAvx2Codes<Bf16Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale) =>
        Widen((ushort*)codes + (nint)input * 16 + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(ushort* values) => (Avx2.ConvertToVector256Int32(values) << 16).AsSingle();
}

internal readonly unsafe struct Fp16Avx2 : IAvx2Codes<Fp16Avx2>
{
    // The same steps as in Fp16Avx512.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale)
    {
        var bits = Avx2.ConvertToVector256Int32((short*)codes + (nint)input * 16 + half);
        var magnitude = (bits & Vector256.Create(0x7FFF)) << 13;
        var normal = magnitude + Vector256.Create(112 << 23);
        var subnormal = (magnitude + Vector256.Create(113 << 23)).AsSingle() - Vector256.Create(113 << 23).AsSingle();
        var value = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(1 << 23)), subnormal.AsInt32(), normal);
        value |= Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(31 << 23)) & Vector256.Create(0x7F800000);
        return (value | (bits & Vector256.Create(int.MinValue))).AsSingle();
    }
}

internal readonly unsafe struct Int8Avx2 : IAvx2Codes<Int8Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale(byte* scales, int group, int half) => Bf16Avx2.Widen((ushort*)scales + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale) =>
        LlmInt8Avx2.Load(codes, input, half, scale) * scale;
}

/// <summary>The codes without their scale.</summary>
internal readonly unsafe struct LlmInt8Avx2 : IAvx2Codes<LlmInt8Avx2>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale) =>
        Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32((sbyte*)codes + (nint)input * 16 + half));
}

internal readonly unsafe struct Int4Avx2 : IAvx2Codes<Int4Avx2>
{
    public static int Group => Quantization.QuantizedMatrix.GroupSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale(byte* scales, int group, int half) => Bf16Avx2.Widen((ushort*)scales + (nint)group * 16 + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* codes, int input, int half, Vector256<float> scale) =>
        Value((Pair(codes, input, half) >>> ((input & 1) << 2)) & Vector256.Create(15), scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(
        byte* codes, int input, int half, Vector256<float> scale, out Vector256<float> even, out Vector256<float> odd)
    {
        var pair = Pair(codes, input, half);
        even = Value(pair & Vector256.Create(15), scale);
        odd = Value(pair >>> 4, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Pair(byte* codes, int input, int half) =>
        Avx2.ConvertToVector256Int32(codes + (nint)(input >> 1) * 16 + half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Value(Vector256<int> codes, Vector256<float> scale) =>
        Vector256.ConvertToSingle(codes - Vector256.Create(8)) * scale;
}
