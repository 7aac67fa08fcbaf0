using System.Runtime.InteropServices;

namespace Counterweight.Engine.Kernels;

/// <summary>Zeroed native memory, 64-byte aligned: weights and activations that kernels read by pointer.</summary>
public sealed unsafe class AlignedBuffer : SafeHandle
{
    private const int Alignment = 64;

    private readonly HugePages.Piece? _piece;

    /// <summary>Allocates <paramref name="bytes"/> zero bytes.</summary>
    public AlignedBuffer(long bytes) : this(bytes, piece: null)
    {
    }

    private AlignedBuffer(long bytes, HugePages.Piece? piece) : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        _piece = piece;
        if (piece is { } given)
        {
            SetHandle(given.Address);
        }
        else
        {
            var size = (nuint)Math.Max(bytes, 1);
            SetHandle((nint)NativeMemory.AlignedAlloc(size, Alignment));
            NativeMemory.Clear((void*)handle, size);
        }
        GC.AddMemoryPressure(Math.Max(bytes, 1));
    }

    /// <summary>A buffer of <paramref name="count"/> zero floats.</summary>
    public static AlignedBuffer OfFloats(long count) => new(checked(count * sizeof(float)));

    /// <summary>A buffer of zero bytes that is one of many and lives long, as those of weights do: huge pages where the system has them.</summary>
    public static AlignedBuffer ForWeights(long bytes) => new(bytes, HugePages.TryRent(bytes));

    /// <summary>Usable size in bytes.</summary>
    public long Bytes { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The first byte.</summary>
    public void* Pointer => (void*)handle;

    /// <summary>The first float.</summary>
    public float* Floats => (float*)handle;

    /// <summary>The content as a span of <typeparamref name="T"/>.</summary>
    public Span<T> AsSpan<T>() where T : unmanaged => new((void*)handle, checked((int)(Bytes / sizeof(T))));

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (_piece is { } piece)
            HugePages.Return(piece);
        else
            NativeMemory.AlignedFree((void*)handle);
        GC.RemoveMemoryPressure(Math.Max(Bytes, 1));
        return true;
    }
}
