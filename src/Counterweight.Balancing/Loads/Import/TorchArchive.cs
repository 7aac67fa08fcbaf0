using System.IO.Compression;
using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>Reads what <c>torch.save</c> writes: a zip with data.pkl and one file for each storage.</summary>
internal sealed class TorchArchive : IDisposable
{
    private const long MaxStorageBytes = 2L << 30;

    private readonly ZipArchive _zip;
    private readonly string _file, _prefix;
    private readonly bool _bigEndian;

    public TorchArchive(ZipArchive zip, ZipArchiveEntry pickle, string file, long fileBytes)
    {
        (_zip, _file, FileBytes) = (zip, file, fileBytes);
        _prefix = pickle.FullName[..^"data.pkl".Length];
        _bigEndian = zip.GetEntry(_prefix + "byteorder") is { } order && Encoding.ASCII.GetString(Bytes(order)).Trim() == "big";
        Root = RestrictedPickle.Read(Bytes(pickle), $"{file}: {pickle.FullName}");
    }

    /// <summary>Size of the file.</summary>
    public long FileBytes { get; }

    /// <summary>What was saved.</summary>
    public object? Root { get; }

    /// <summary>Reads a tensor's numbers.</summary>
    public NumericArray Array(TorchTensor tensor, string name)
    {
        long count = 1, last = tensor.Offset;
        for (var d = 0; d < tensor.Shape.Length; d++)
        {
            count = checked(count * tensor.Shape[d]);
            if (count is 0 or > NumericArray.MaxElements || tensor.Shape[d] > int.MaxValue)
                throw Wrong(name, $"shape [{string.Join(", ", tensor.Shape)}]", $"1 to {NumericArray.MaxElements} numbers");
            last = checked(last + (tensor.Shape[d] - 1) * tensor.Strides[d]);
        }
        if (tensor.Offset < 0 || last >= tensor.Storage.Elements)
            throw Wrong(name, $"element {last} of a storage of {tensor.Storage.Elements}", "a view inside its storage");
        if (count > tensor.Storage.Elements)
            throw Wrong(name, $"{count} numbers of a storage of {tensor.Storage.Elements}", "each at most once");
        var entry = _zip.GetEntry($"{_prefix}data/{tensor.Storage.Key}")
            ?? throw Wrong(name, $"no entry data/{tensor.Storage.Key}", "the storage of the tensor");
        var (bytes, type) = (Bytes(entry), tensor.Storage.Type);
        if (bytes.Length < tensor.Storage.Elements * type.Bytes)
            throw Wrong(name, $"{bytes.Length} bytes in {entry.FullName}", $"{tensor.Storage.Elements * type.Bytes}");
        return new NumericArray(System.Array.ConvertAll(tensor.Shape, length => (int)length),
            Values(tensor, bytes, (int)count), type.Kind is NumberKind.Signed or NumberKind.Unsigned);
    }

    public void Dispose() => _zip.Dispose();

    private double[] Values(TorchTensor tensor, byte[] bytes, int count)
    {
        var (values, index, type) = (new double[count], new long[tensor.Shape.Length], tensor.Storage.Type);
        for (var i = 0; i < count; i++)
        {
            var at = tensor.Offset;
            for (var d = 0; d < index.Length; d++)
                at += index[d] * tensor.Strides[d];
            values[i] = type.Read(bytes.AsSpan((int)(at * type.Bytes)), _bigEndian);
            for (var d = index.Length - 1; d >= 0 && ++index[d] == tensor.Shape[d]; d--)
                index[d] = 0;
        }
        return values;
    }

    private byte[] Bytes(ZipArchiveEntry entry)
    {
        if (entry.Length > MaxStorageBytes)
            throw Wrong(entry.FullName, $"{entry.Length} bytes", $"at most {MaxStorageBytes}");
        return ZipContent.Read(entry, _file);
    }

    private InvalidInputException Wrong(string name, string found, string expected) => new($"{_file}: {name}", found, expected);
}

/// <summary>Entries of zip files as bytes.</summary>
internal static class ZipContent
{
    private const long MaxExpansion = 1032;

    /// <summary>Opens a zip.</summary>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public static ZipArchive Open(byte[] bytes, string file)
    {
        try
        {
            var zip = new ZipArchive(new MemoryStream(bytes, writable: false), ZipArchiveMode.Read);
            // The directory is read when it is first asked for.
            _ = zip.Entries.Count;
            return zip;
        }
        catch (InvalidDataException e)
        {
            throw new InvalidInputException(file, $"a damaged zip ({e.Message})", "a whole file: it may be truncated", e);
        }
    }

    /// <summary>The bytes of an entry, exactly as many as the directory says.</summary>
    public static byte[] Read(ZipArchiveEntry entry, string file)
    {
        if (entry.Length > MaxExpansion * (entry.CompressedLength + 1))
            throw new InvalidInputException($"{file}: {entry.FullName}", $"{entry.Length} bytes out of {entry.CompressedLength}",
                $"at most {MaxExpansion} for each, which is what deflate reaches");
        try
        {
            using var stream = entry.Open();
            var bytes = new byte[entry.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidInputException($"{file}: {entry.FullName}", $"damaged data ({e.Message})", $"{entry.Length} bytes", e);
        }
    }
}
