using System.Buffers.Binary;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// A memory-mapped safetensors file (https://github.com/huggingface/safetensors): 8 bytes of header length, a JSON header, the data.
/// The file must not be changed in place while it is open.
/// </summary>
public sealed unsafe class SafetensorsFile : TensorSource
{
    private readonly MappedFile _file;
    private readonly Dictionary<string, TensorEntry> _tensors;
    private readonly long _dataBegin;

    private SafetensorsFile(MappedFile file)
    {
        _file = file;
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new(file.Pointer, SafetensorsHeader.LengthBytes));
        var headerBytes = CheckHeaderLength(file.Path, headerLength, file.Length);
        _dataBegin = SafetensorsHeader.LengthBytes + headerBytes;
        (_tensors, var metadata) = SafetensorsHeader.Parse(
            file.Path, new(file.Pointer + SafetensorsHeader.LengthBytes, headerBytes), file.Length - _dataBegin);
        Metadata = metadata;
        TensorNames = [.. _tensors.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>Opens a file and checks its whole header; the data is not read.</summary>
    /// <exception cref="InvalidInputException">
    /// The file can't be opened, or its header is wrong in any way: the message names the tensor or byte at fault.
    /// </exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path, SafetensorsHeader.LengthBytes, "a safetensors file: 8 bytes of header length come first");
        try
        {
            return new SafetensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The path that the file was opened by.</summary>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public override string ListedIn => Path;

    /// <summary>The strings under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TensorNames { get; }

    /// <inheritdoc/>
    public override bool TryGet(string name, out TensorView tensor)
    {
        var found = _tensors.TryGetValue(name, out var entry);
        tensor = found ? new TensorView(_file, _dataBegin, entry!) : default;
        return found;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
    }

    private static int CheckHeaderLength(string path, ulong headerBytes, long fileBytes)
    {
        if (headerBytes > (ulong)(fileBytes - SafetensorsHeader.LengthBytes))
            throw new InvalidInputException(path, $"a header of {headerBytes} bytes in a file of {fileBytes} bytes",
                "a header that lies within the file");
        if (headerBytes > SafetensorsHeader.MaxBytes)
            throw new InvalidInputException(path, $"a header of {headerBytes} bytes", $"at most {SafetensorsHeader.MaxBytes} bytes");
        return (int)headerBytes;
    }

    /// <summary>
    /// Lets go of the pages that reading has brought into the process; they come back from the page cache when they are read again. What has been packed would
    /// otherwise count twice.
    /// </summary>
    internal void ReleasePages() => _file.Discard(0, _file.Length);
}
