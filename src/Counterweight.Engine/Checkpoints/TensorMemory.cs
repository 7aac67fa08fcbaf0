using System.IO.MemoryMappedFiles;
using Counterweight.Balancing;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Checkpoints;

/// <summary>Bytes that tensors lie in.</summary>
/// <param name="path">The file that they come from.</param>
internal abstract unsafe class TensorMemory(string path) : IDisposable
{
    /// <summary>The file that the bytes come from.</summary>
    public string Path => path;

    /// <summary>The first byte.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public abstract byte* Pointer { get; }

    /// <summary>Says that a stretch will not be read again soon, so that it need not stay in memory; reading it stays possible.</summary>
    public virtual void Discard(long begin, long bytes)
    {
    }

    public abstract void Dispose();
}

/// <summary>A memory-mapped file, which must not be changed in place while it is open.</summary>
internal sealed unsafe class MappedFile : TensorMemory
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private bool _disposed;

    private MappedFile(string path, FileStream stream) : base(path)
    {
        Length = stream.Length;
        _map = MemoryMappedFile.CreateFromFile(stream, null, Length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start;
    }

    /// <summary>Maps a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="minimum">Bytes that it must have; at least 1.</param>
    /// <param name="expected">What it should be, for messages.</param>
    /// <exception cref="InvalidInputException">It can't be opened or is shorter.</exception>
    public static MappedFile Open(string path, int minimum, string expected)
    {
        using var stream = InputFile.OpenRead(path, expected);
        return stream.Length >= minimum
            ? new MappedFile(path, stream)
            : throw new InvalidInputException(path, $"{stream.Length} bytes", expected);
    }

    /// <summary>Size of the file.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _start;
        }
    }

    /// <inheritdoc/>
    public override void Discard(long begin, long bytes)
    {
        if (OperatingSystem.IsLinux())
            LinuxMemory.Discard((nint)(Pointer + begin), bytes);
    }

    public override void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}

/// <summary>Writes bytes from <paramref name="target"/> on.</summary>
internal unsafe delegate void MakeBytes(byte* target);

/// <summary>Bytes that are made from those of a file when they are asked for, and made again after <see cref="Release"/>.</summary>
/// <param name="path">The file that they come from.</param>
/// <param name="bytes">How many.</param>
/// <param name="make">Writes all of them.</param>
internal sealed unsafe class MadeMemory(string path, long bytes, MakeBytes make) : TensorMemory(path)
{
    private readonly Lock _lock = new();
    private AlignedBuffer? _buffer;

    /// <inheritdoc/>
    public override byte* Pointer
    {
        get
        {
            lock (_lock)
            {
                if (_buffer is null)
                {
                    var buffer = new AlignedBuffer(bytes);
                    make((byte*)buffer.Pointer);
                    _buffer = buffer;
                }
                return (byte*)_buffer.Pointer;
            }
        }
    }

    /// <summary>Gives the memory back; nobody may read it meanwhile.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _buffer?.Dispose();
            _buffer = null;
        }
    }

    public override void Dispose() => Release();
}
