using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// How the codes of a precision become 16 fp32 weights in a register; a type argument, so that each loop is compiled for its own.
/// </summary>
internal unsafe interface IAvx512Codes<TSelf> where TSelf : struct, IAvx512Codes<TSelf>
{
    /// <summary>Inputs that share a vector of scales.</summary>
    static virtual int Group => 1 << 30;

    /// <summary>The scales of a group.</summary>
    static virtual Vector512<float> Scale(byte* scales, int group) => default;

    /// <summary>The weights of an input.</summary>
    static abstract Vector512<float> Load(byte* codes, int input, Vector512<float> scale);

    /// <summary>The weights of an even input and of the next one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void LoadTwo(byte* codes, int input, Vector512<float> scale, out Vector512<float> even, out Vector512<float> odd)
    {
        even = TSelf.Load(codes, input, scale);
        odd = TSelf.Load(codes, input + 1, scale);
    }
}

internal readonly unsafe struct Fp32Avx512 : IAvx512Codes<Fp32Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale) => Vector512.Load((float*)codes + (nint)input * 16);
}

internal readonly unsafe struct Bf16Avx512 : IAvx512Codes<Bf16Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale) => Widen((ushort*)codes + (nint)input * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(ushort* values) => (Avx512F.ConvertToVector512Int32(Vector256.Load(values)) << 16).AsSingle();
}

internal readonly unsafe struct Fp16Avx512 : IAvx512Codes<Fp16Avx512>
{
    // .NET has no F16C: exponents are rebiased as integers. Subnormal halves get a one in front of their fraction, which a subtraction
    // takes away again; infinities and NaNs get the largest exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale)
    {
        var half = Avx512F.ConvertToVector512Int32(Vector256.Load((short*)codes + (nint)input * 16));
        var magnitude = (half & Vector512.Create(0x7FFF)) << 13;
        var normal = magnitude + Vector512.Create(112 << 23);
        var subnormal = (magnitude + Vector512.Create(113 << 23)).AsSingle() - Vector512.Create(113 << 23).AsSingle();
        var value = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(1 << 23)), subnormal.AsInt32(), normal);
        value |= Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(31 << 23)) & Vector512.Create(0x7F800000);
        return (value | (half & Vector512.Create(int.MinValue))).AsSingle();
    }
}

internal readonly unsafe struct Int8Avx512 : IAvx512Codes<Int8Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* scales, int group) => Bf16Avx512.Widen((ushort*)scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale) => LlmInt8Avx512.Load(codes, input, scale) * scale;
}

/// <summary>The codes without their scale.</summary>
internal readonly unsafe struct LlmInt8Avx512 : IAvx512Codes<LlmInt8Avx512>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale) =>
        Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)codes + (nint)input * 16)));
}

internal readonly unsafe struct Int4Avx512 : IAvx512Codes<Int4Avx512>
{
    public static int Group => Quantization.QuantizedMatrix.GroupSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* scales, int group) => Bf16Avx512.Widen((ushort*)scales + (nint)group * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* codes, int input, Vector512<float> scale) =>
        Value(Pair(codes, input) >>> ((input & 1) << 2)) * scale;

    // Both nibbles from one load: decoding one row is bound by instructions, and this is 40 % faster.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo(byte* codes, int input, Vector512<float> scale, out Vector512<float> even, out Vector512<float> odd)
    {
        var pair = Pair(codes, input);
        even = Value(pair) * scale;
        odd = Value(pair >>> 4) * scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Pair(byte* codes, int input) =>
        Avx512F.ConvertToVector512Int32(Vector128.Load(codes + (nint)(input >> 1) * 16));

    // The permutation reads the low four bits of its indices: masking, subtracting 8 and converting in one instruction.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<int> codes) =>
        Avx512F.PermuteVar16x32(Vector512.Create(-8f, -7f, -6f, -5f, -4f, -3f, -2f, -1f, 0f, 1f, 2f, 3f, 4f, 5f, 6f, 7f), codes);
}
