using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>Reads NumPy's .npy arrays of numbers, versions 1 to 3, either byte order and either element order.</summary>
internal static class NpyFile
{
    /// <summary>The first bytes of every .npy file.</summary>
    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads an array.</summary>
    /// <exception cref="InvalidInputException">The file is truncated or holds something else: names the byte.</exception>
    public static NumericArray Read(ReadOnlySpan<byte> bytes, string file)
    {
        if (bytes.Length < 10 || !bytes.StartsWith(Magic))
            throw new InvalidInputException($"{file}: byte 0", "no .npy header", "\\x93NUMPY");
        var version = bytes[6];
        if (version is < 1 or > 3)
            throw new InvalidInputException($"{file}: byte 6", $"version {version}", "1, 2 or 3");
        var lengthBytes = version == 1 ? 2 : 4;
        var start = 8 + lengthBytes;
        if (bytes.Length < start)
            throw new InvalidInputException($"{file}: byte 8", $"{bytes.Length} bytes", "a header length");
        long headerLength = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..])
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (start + headerLength > bytes.Length)
            throw new InvalidInputException($"{file}: byte 8", $"a header of {headerLength} bytes in {bytes.Length} bytes",
                "a whole header");
        var header = Encoding.UTF8.GetString(bytes.Slice(start, (int)headerLength));
        return ReadData(new NpyHeader(header, file), bytes[(start + (int)headerLength)..], start + (int)headerLength, file);
    }

    private static NumericArray ReadData(NpyHeader header, ReadOnlySpan<byte> data, int offset, string file)
    {
        long count = 1;
        foreach (var length in header.Shape)
            count = length == 0 ? 0 : count > NumericArray.MaxElements / length ? NumericArray.MaxElements + 1 : count * length;
        if (count is 0 or > NumericArray.MaxElements)
            throw new InvalidInputException($"{file}: shape", $"[{string.Join(", ", header.Shape)}]",
                $"1 to {NumericArray.MaxElements} numbers");
        if (data.Length != count * header.Type.Bytes)
            throw new InvalidInputException($"{file}: byte {offset}", $"{data.Length} bytes of data",
                $"{count * header.Type.Bytes} for {count} numbers");
        var values = new double[count];
        for (var i = 0; i < values.Length; i++)
            values[i] = header.Type.Read(data[(i * header.Type.Bytes)..], header.BigEndian);
        if (header.FortranOrder)
            values = Transpose(values, header.Shape);
        return new NumericArray(header.Shape, values, header.Type.Kind is NumberKind.Signed or NumberKind.Unsigned);
    }

    private static double[] Transpose(double[] values, int[] shape)
    {
        var result = new double[values.Length];
        var index = new int[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            long at = 0;
            for (var d = 0; d < shape.Length; d++)
                at = at * shape[d] + index[d];
            result[at] = values[i];
            for (var d = 0; d < shape.Length && ++index[d] == shape[d]; d++)
                index[d] = 0;
        }
        return result;
    }
}

/// <summary>The header of an .npy file: a Python dictionary of exactly three keys.</summary>
internal sealed class NpyHeader
{
    public NpyHeader(string text, string file)
    {
        var descr = Value(text, "descr", file).Trim('\'', '"');
        FortranOrder = Value(text, "fortran_order", file) switch
        {
            "True" => true,
            "False" => false,
            var other => throw new InvalidInputException($"{file}: fortran_order", other, "True or False"),
        };
        Shape = ParseShape(Value(text, "shape", file), file);
        BigEndian = descr.StartsWith('>');
        Type = descr.TrimStart('<', '>', '|', '=') switch
        {
            "u1" => new(NumberKind.Unsigned, 1),
            "u2" => new(NumberKind.Unsigned, 2),
            "u4" => new(NumberKind.Unsigned, 4),
            "u8" => new(NumberKind.Unsigned, 8),
            "i1" => new(NumberKind.Signed, 1),
            "i2" => new(NumberKind.Signed, 2),
            "i4" => new(NumberKind.Signed, 4),
            "i8" => new(NumberKind.Signed, 8),
            "f2" => new(NumberKind.Float, 2),
            "f4" => new(NumberKind.Float, 4),
            "f8" => new(NumberKind.Float, 8),
            _ => throw new InvalidInputException($"{file}: descr", $"'{descr}'", "numbers: u1 to u8, i1 to i8, f2, f4 or f8"),
        };
    }

    public NumberType Type { get; }

    public bool BigEndian { get; }

    public bool FortranOrder { get; }

    public int[] Shape { get; }

    private static string Value(string header, string key, string file)
    {
        var at = header.IndexOf($"'{key}'", StringComparison.Ordinal);
        var colon = at < 0 ? -1 : header.IndexOf(':', at);
        if (colon < 0)
            throw new InvalidInputException($"{file}: header", $"no '{key}'", "descr, fortran_order and shape");
        var rest = header.AsSpan(colon + 1).TrimStart();
        var end = rest.StartsWith("(") ? rest.IndexOf(')') + 1 : rest.IndexOfAny(',', '}');
        return end > 0 ? rest[..end].Trim().ToString()
            : throw new InvalidInputException($"{file}: {key}", "no end of the value", "a value");
    }

    private static int[] ParseShape(string text, string file)
    {
        if (!text.StartsWith('('))
            throw new InvalidInputException($"{file}: shape", text, "a tuple of lengths");
        var parts = text.Trim('(', ')').Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return Array.ConvertAll(parts, part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? length
            : throw new InvalidInputException($"{file}: shape", text, "a tuple of lengths"));
    }
}
