using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// Writes safetensors files: tensors by falling alignment of their element type, then by name, without holes; the header ends on a
/// multiple of 8 bytes. The same tensors and metadata give the same bytes in whatever order they come, and, with at most one metadata
/// entry, the bytes that the reference implementation writes.
/// </summary>
public static class SafetensorsWriter
{
    private const int HeaderAlignment = 8;

    /// <summary>Writes a whole file or, where anything throws, nothing: see <see cref="AtomicFile"/>.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="tensors">Any number of tensors with different names. One tensor at a time is written.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>.</param>
    /// <exception cref="InvalidInputException">The file can't be created.</exception>
    /// <exception cref="ArgumentException">
    /// A name occurs twice or is <c>__metadata__</c>, a shape is impossible, or a tensor wrote more or fewer bytes than its shape needs.
    /// </exception>
    public static void Write(string path, IEnumerable<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderByDescending(t => t.DType).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var sizes = ordered.ConvertAll(ByteCount);
        CheckNames(ordered);
        var header = Header(ordered, sizes, metadata ?? new Dictionary<string, string>());
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            for (var i = 0; i < ordered.Count; i++)
                WriteData(stream, ordered[i], sizes[i]);
        });
    }

    private static long ByteCount(TensorToWrite tensor)
    {
        foreach (var dimension in tensor.Shape)
            ArgumentOutOfRangeException.ThrowIfNegative(dimension);
        return DTypes.TryMeasure(tensor.DType, tensor.Shape, out _, out var bytes)
            ? bytes
            : throw new ArgumentException(
                $"tensor {tensor.Name}: {tensor.DType.Name()} of shape {InputText.Shape<long>(tensor.Shape)} has no size in bytes");
    }

    private static void CheckNames(List<TensorToWrite> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        foreach (var tensor in tensors)
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"tensor name {tensor.Name} is taken");
    }

    private static void WriteData(Stream stream, TensorToWrite tensor, long bytes)
    {
        var begin = stream.Position;
        tensor.Write(stream);
        if (stream.Position - begin != bytes)
            throw new ArgumentException($"tensor {tensor.Name} wrote {stream.Position - begin} bytes, its shape needs {bytes}");
    }

    private static byte[] Header(List<TensorToWrite> tensors, List<long> sizes, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[SafetensorsHeader.LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            WriteJson(json, tensors, sizes, metadata);
        while (buffer.Length % HeaderAlignment != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - SafetensorsHeader.LengthBytes);
        return header;
    }

    private static void WriteJson(
        Utf8JsonWriter json, List<TensorToWrite> tensors, List<long> sizes, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject();
        if (metadata.Count > 0)
        {
            json.WriteStartObject(SafetensorsHeader.MetadataKey);
            foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                json.WriteString(key, value);
            json.WriteEndObject();
        }
        var offset = 0L;
        for (var i = 0; i < tensors.Count; i++)
        {
            json.WriteStartObject(tensors[i].Name);
            json.WriteString("dtype", tensors[i].DType.Name());
            WriteIntegers(json, "shape", tensors[i].Shape);
            WriteIntegers(json, "data_offsets", offset, checked(offset + sizes[i]));
            json.WriteEndObject();
            offset += sizes[i];
        }
        json.WriteEndObject();
    }

    private static void WriteIntegers(Utf8JsonWriter json, string name, params ReadOnlySpan<long> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
