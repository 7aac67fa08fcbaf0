namespace Counterweight.Engine.Kernels;

/// <summary>Buffers that a thread keeps from call to call, so that products allocate nothing once warm.</summary>
internal static unsafe class Scratch
{
    /// <summary>The buffer, replaced by a larger one if it is too small.</summary>
    public static float* Reserve(ref AlignedBuffer? buffer, long floats)
    {
        if (buffer is null || buffer.Bytes < floats * sizeof(float))
        {
            buffer?.Dispose();
            buffer = AlignedBuffer.OfFloats(floats);
        }
        return buffer.Floats;
    }
}
