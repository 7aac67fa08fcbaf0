using System.Buffers;
using System.Runtime.InteropServices;

namespace Counterweight.Engine.Checkpoints;

/// <summary>A stretch of a file as memory; reading it after the file is closed throws <see cref="ObjectDisposedException"/>.</summary>
internal sealed unsafe class MappedMemory(TensorMemory memory, long offset, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new(memory.Pointer + offset, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(memory.Pointer + offset + elementIndex);

    /// <summary>See <see cref="TensorMemory.Discard"/>, for codes that lie in a file.</summary>
    public static void Discard(ReadOnlyMemory<byte> codes)
    {
        if (MemoryMarshal.TryGetMemoryManager<byte, MappedMemory>(codes, out var mapped, out var start, out var bytes))
            mapped.Discard(start, bytes);
    }

    public override void Unpin()
    {
    }

    private void Discard(int start, int bytes) => memory.Discard(offset + start, bytes);

    protected override void Dispose(bool disposing)
    {
    }
}
