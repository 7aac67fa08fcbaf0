using System.IO.Compression;
using System.Text;

namespace Counterweight.Balancing.Tests.Import;

/// <summary>Writes the bytes that <c>torch.save</c> writes for a recorder dump (protocol 2, zip with stored entries).</summary>
internal static class TorchFiles
{
    /// <summary>{"rank": 0, "logical_count": int32 tensor of the shape, "average_utilization_rate_over_window": None}</summary>
    public static byte[] Dump(int[] counts, params int[] shape) => Zip(DumpPickle(counts.Length, shape), ToBytes(counts));

    public static byte[] DumpPickle(int elements, params int[] shape)
    {
        var pickle = new List<byte> { 0x80, 2, (byte)'}', (byte)'q', 0, (byte)'(' };
        Text(pickle, "rank");
        pickle.AddRange([(byte)'K', 0]);
        Text(pickle, "logical_count");
        Tensor(pickle, elements, shape);
        Text(pickle, "average_utilization_rate_over_window");
        pickle.AddRange([(byte)'N', (byte)'u', (byte)'.']);
        return [.. pickle];
    }

    public static byte[] Zip(byte[] pickle, byte[] storage)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Entry(zip, "dump/data.pkl", pickle);
            Entry(zip, "dump/byteorder", "little"u8.ToArray());
            Entry(zip, "dump/data/0", storage);
            Entry(zip, "dump/version", "3\n"u8.ToArray());
        }
        return stream.ToArray();
    }

    public static byte[] ToBytes(int[] counts) => [.. counts.SelectMany(BitConverter.GetBytes)];

    private static void Tensor(List<byte> pickle, int elements, int[] shape)
    {
        Global(pickle, "torch._utils", "_rebuild_tensor_v2");
        pickle.AddRange([(byte)'(', (byte)'(']);
        Text(pickle, "storage");
        Global(pickle, "torch", "IntStorage");
        Text(pickle, "0");
        Text(pickle, "cpu");
        Number(pickle, elements);
        pickle.AddRange([(byte)'t', (byte)'Q', (byte)'K', 0]);
        Numbers(pickle, shape);
        var strides = new int[shape.Length];
        for (int d = shape.Length - 1, step = 1; d >= 0; step *= shape[d--])
            strides[d] = step;
        Numbers(pickle, strides);
        pickle.Add(0x89);
        Global(pickle, "collections", "OrderedDict");
        pickle.AddRange([(byte)')', (byte)'R', (byte)'t', (byte)'R', (byte)'q', 1]);
    }

    private static void Numbers(List<byte> pickle, int[] numbers)
    {
        pickle.Add((byte)'(');
        foreach (var number in numbers)
            Number(pickle, number);
        pickle.Add((byte)'t');
    }

    private static void Number(List<byte> pickle, int number) => pickle.AddRange([(byte)'J', .. BitConverter.GetBytes(number)]);

    private static void Text(List<byte> pickle, string text) =>
        pickle.AddRange([(byte)'X', .. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)]);

    public static void Global(List<byte> pickle, string module, string name) =>
        pickle.AddRange([(byte)'c', .. Encoding.UTF8.GetBytes($"{module}\n{name}\n")]);

    private static void Entry(ZipArchive zip, string name, byte[] content)
    {
        using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(content);
    }
}
