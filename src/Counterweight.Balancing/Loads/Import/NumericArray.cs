using System.Buffers.Binary;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>Kinds of numbers in array files.</summary>
internal enum NumberKind
{
    Unsigned,
    Signed,
    Float,
    BFloat,
}

/// <summary>A type of numbers: kind and bytes.</summary>
internal readonly record struct NumberType(NumberKind Kind, int Bytes)
{
    /// <summary>Reads a number as a double: integers up to 2^53 and all fractions are exact.</summary>
    public double Read(ReadOnlySpan<byte> at, bool bigEndian)
    {
        Span<byte> bytes = stackalloc byte[8];
        at[..Bytes].CopyTo(bytes);
        if (bigEndian)
            bytes[..Bytes].Reverse();
        var bits = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        var shift = 64 - 8 * Bytes;
        return Kind switch
        {
            NumberKind.Unsigned => bits,
            NumberKind.Signed => (long)(bits << shift) >> shift,
            NumberKind.BFloat => BitConverter.UInt32BitsToSingle((uint)bits << 16),
            _ => Bytes switch
            {
                2 => (double)BitConverter.UInt16BitsToHalf((ushort)bits),
                4 => BitConverter.UInt32BitsToSingle((uint)bits),
                _ => BitConverter.UInt64BitsToDouble(bits),
            },
        };
    }
}

/// <summary>An array of numbers from a file, row-major after reading.</summary>
/// <param name="Shape">Length of each dimension.</param>
/// <param name="Values">All numbers, the last dimension fastest.</param>
/// <param name="IsInteger">Whether the file holds integers.</param>
internal sealed record NumericArray(int[] Shape, double[] Values, bool IsInteger)
{
    /// <summary>Most numbers of an array: 2 GiB as doubles.</summary>
    public const long MaxElements = 1L << 28;

    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Splits counts into windows: 2-D is one window, 3-D one for each step.</summary>
    public void AddWindows(LoadRows rows, string position)
    {
        if (Shape.Length is not (2 or 3))
            throw new InvalidInputException($"{rows.File}: {position}", $"shape {ShapeText}",
                "[layers][experts] or [steps][layers][experts]");
        var (steps, layers, experts) = (Shape.Length == 3 ? Shape[0] : 1, Shape[^2], Shape[^1]);
        for (var s = 0; s < steps; s++)
        {
            var window = new double[layers][];
            for (var l = 0; l < layers; l++)
            {
                window[l] = new double[experts];
                for (var e = 0; e < experts; e++)
                    window[l][e] = rows.Count(Values[((long)s * layers + l) * experts + e], Position(position, s, l, e));
            }
            rows.Add(window, Shape.Length == 3 ? $"{position}, step {s}" : position);
        }
    }

    // Spelt out only where it is needed: most counts are fine.
    private string Position(string position, int step, int layer, int expert)
    {
        var value = Values[((long)step * Shape[^2] + layer) * Shape[^1] + expert];
        if (value >= 0 && value <= LoadRows.MaxCount)
            return position;
        return Shape.Length == 3 ? $"{position}[{step}, {layer}, {expert}]" : $"{position}[{layer}, {expert}]";
    }
}
