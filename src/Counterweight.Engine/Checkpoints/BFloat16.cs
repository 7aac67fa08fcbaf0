using System.Numerics;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Checkpoints;

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
}
