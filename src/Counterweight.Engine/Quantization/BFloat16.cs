using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Quantization;

/// <summary>bfloat16: the upper 16 bits of a single.</summary>
internal static class BFloat16
{
    /// <summary>The exact singles of <paramref name="source"/>.</summary>
    /// <param name="source">[n] bit patterns.</param>
    /// <param name="destination">[n].</param>
    public static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(destination)[..source.Length];
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }
        for (; i < source.Length; i++)
            bits[i] = (uint)source[i] << 16;
    }

    /// <summary>The bits of the nearest bfloat16, ties to even; of the infinity where the value is too large.</summary>
    /// <param name="value">Anything but NaN.</param>
    public static ushort RoundToNearest(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The same for each of <paramref name="values"/>.</summary>
    public static void RoundToNearest(ReadOnlySpan<float> values, Span<ushort> rounded)
    {
        var i = 0;
        if (Avx512F.IsSupported)
            for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
                Avx512F.ConvertToVector256UInt16(UpperHalves(Vector512.Create(values[i..]).AsUInt32())).CopyTo(rounded[i..]);
        for (; i <= values.Length - 2 * Vector256<float>.Count; i += 2 * Vector256<float>.Count)
            Vector256.Narrow(UpperHalves(values[i..]), UpperHalves(values[(i + Vector256<float>.Count)..])).CopyTo(rounded[i..]);
        for (; i < values.Length; i++)
            rounded[i] = RoundToNearest(values[i]);
    }

    private static Vector256<uint> UpperHalves(ReadOnlySpan<float> values)
    {
        var bits = Vector256.Create(values).AsUInt32();
        return (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
    }

    /// <summary>The nearest bfloat16 of 16 floats' bits, each in the lower half of its place.</summary>
    public static Vector512<uint> UpperHalves(Vector512<uint> bits) => (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;

    /// <summary>The nearest bfloat16 as a float.</summary>
    public static float Nearest(float value) => BitConverter.UInt32BitsToSingle((uint)RoundToNearest(value) << 16);

    /// <summary>The smallest bfloat16 that is not below a value of at least 0.</summary>
    public static float Up(float value) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0xFFFF) & 0xFFFF0000);
}
