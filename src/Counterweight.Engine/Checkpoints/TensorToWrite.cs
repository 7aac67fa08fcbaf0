using System.Runtime.InteropServices;

namespace Counterweight.Engine.Checkpoints;

/// <summary>A tensor for <see cref="SafetensorsWriter"/>.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="DType">Its element type.</param>
/// <param name="Shape">Dimensions, the slowest first.</param>
/// <param name="Write">Writes exactly the bytes of the elements, row-major and little-endian, when the tensor's turn comes.</param>
public sealed record TensorToWrite(string Name, DType DType, long[] Shape, Action<Stream> Write)
{
    private const int PieceBytes = 1 << 24;

    /// <summary>A tensor whose bytes are in memory.</summary>
    public static TensorToWrite FromBytes(string name, DType type, long[] shape, ReadOnlyMemory<byte> bytes) =>
        new(name, type, shape, stream => stream.Write(bytes.Span));

    /// <summary>An F32 tensor.</summary>
    public static TensorToWrite FromFloats(string name, long[] shape, ReadOnlyMemory<float> values) =>
        new(name, DType.F32, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));

    /// <summary>A tensor of an open file as it stands there, under the same or another name.</summary>
    public static TensorToWrite Copy(TensorView tensor, string? name = null) =>
        new(name ?? tensor.Name, tensor.DType, tensor.Shape.ToArray(), stream => CopyBytes(tensor, stream));

    private static unsafe void CopyBytes(TensorView tensor, Stream stream)
    {
        for (var done = 0L; done < tensor.ByteCount; done += PieceBytes)
            stream.Write(new ReadOnlySpan<byte>(tensor.Pointer + done, (int)Math.Min(PieceBytes, tensor.ByteCount - done)));
    }
}
