using System.Buffers;

namespace Counterweight.Engine.Checkpoints;

/// <summary>A stretch of a mapped file as memory; reading it after the file is closed throws <see cref="ObjectDisposedException"/>.</summary>
internal sealed unsafe class MappedMemory(SafetensorsFile file, long offset, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new(file.Data + offset, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(file.Data + offset + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
