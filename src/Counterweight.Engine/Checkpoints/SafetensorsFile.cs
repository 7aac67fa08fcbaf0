using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// A memory-mapped safetensors file (https://github.com/huggingface/safetensors): 8 bytes of header length, a JSON header, the data.
/// The file must not be changed in place while it is open.
/// </summary>
public sealed unsafe class SafetensorsFile : TensorSource
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, TensorEntry> _tensors;
    private readonly byte* _data;
    private bool _disposed;

    private SafetensorsFile(string path, FileStream stream)
    {
        Path = path;
        var length = stream.Length;
        if (length < SafetensorsHeader.LengthBytes)
            throw new InvalidInputException(path, $"{length} bytes", "a safetensors file: 8 bytes of header length come first");
        _map = MemoryMappedFile.CreateFromFile(
            stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new(start, SafetensorsHeader.LengthBytes));
            var headerBytes = CheckHeaderLength(path, headerLength, length);
            _data = start + SafetensorsHeader.LengthBytes + headerBytes;
            (_tensors, var metadata) = SafetensorsHeader.Parse(
                path, new(start + SafetensorsHeader.LengthBytes, headerBytes), length - SafetensorsHeader.LengthBytes - headerBytes);
            Metadata = metadata;
            TensorNames = [.. _tensors.Keys.Order(StringComparer.Ordinal)];
        }
        catch
        {
            Unmap();
            throw;
        }
    }

    /// <summary>Opens a file and checks its whole header; the data is not read.</summary>
    /// <exception cref="InvalidInputException">
    /// The file can't be opened, or its header is wrong in any way: the message names the tensor or byte at fault.
    /// </exception>
    public static SafetensorsFile Open(string path)
    {
        using var stream = InputFile.OpenRead(path, "a safetensors file");
        return new SafetensorsFile(path, stream);
    }

    /// <summary>The path that the file was opened by.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public override string ListedIn => Path;

    /// <summary>The strings under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TensorNames { get; }

    /// <summary>The first byte after the header.</summary>
    internal byte* Data
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _data;
        }
    }

    /// <inheritdoc/>
    public override bool TryGet(string name, out TensorView tensor)
    {
        var found = _tensors.TryGetValue(name, out var entry);
        tensor = found ? new TensorView(this, entry!) : default;
        return found;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
            Unmap();
        _disposed = true;
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
    internal void ReleasePages() => MappedPages.Release(_view.SafeMemoryMappedViewHandle);

    private void Unmap()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
