using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Layers;

/// <summary>Activation memory that only grows, so that steady-state passes allocate nothing.</summary>
public sealed unsafe class FloatBuffer : IDisposable
{
    private AlignedBuffer? _buffer;

    /// <summary>The first float; valid until the next larger <see cref="Reserve"/>.</summary>
    public float* Pointer => _buffer is null ? null : _buffer.Floats;

    /// <summary>Makes room for <paramref name="count"/> floats; the content is lost when it has to grow.</summary>
    public float* Reserve(long count)
    {
        if (_buffer is null || _buffer.Bytes < count * sizeof(float))
        {
            _buffer?.Dispose();
            _buffer = AlignedBuffer.OfFloats(count);
        }
        return _buffer.Floats;
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer?.Dispose();
}
