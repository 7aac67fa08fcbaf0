using System.Buffers.Binary;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private static readonly string[] NameParts =
        ["a", "b", ".", "0", "é", "漢", "😀", "\"", "\\", "/", "\n", "\u0001", "'", "<", "&", "+", " ", "\u2028"];

    private static readonly Gen<string> GenName = Gen.Int[0, NameParts.Length - 1].Array[0, 12]
        .Select(parts => string.Concat(parts.Select(i => NameParts[i])));

    // Shapes of whole bytes for every element type: the last dimension is a multiple of four.
    private static readonly Gen<(DType Type, long[] Shape)> GenLayout = Gen.Select(
        Gen.Enum<DType>(), Gen.Long[0, 3].Array[0, 3], (type, outer) => (type, type.Bits() < 8 ? [.. outer, 4] : outer));

    private static readonly Gen<TensorToWrite> GenTensor = Gen.Select(GenName, GenLayout, Gen.Int,
        (name, layout, seed) => TensorToWrite.FromBytes(name, layout.Type, layout.Shape, RandomBytes(layout.Type, layout.Shape, seed)));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back_and_the_order_does_not_matter() =>
        Gen.Select(GenTensor.Array[0, 12], Gen.Dictionary(GenName, GenName)[0, 4]).Sample((drawn, metadata) =>
        {
            TensorToWrite[] tensors = [.. drawn.DistinctBy(t => t.Name)];
            SafetensorsWriter.Write(_folder.File("a"), tensors, metadata);
            SafetensorsWriter.Write(_folder.File("b"), tensors.Reverse(), metadata.Reverse().ToDictionary());
            Assert.Equal(File.ReadAllBytes(_folder.File("a")), File.ReadAllBytes(_folder.File("b")));
            using var file = SafetensorsFile.Open(_folder.File("a"));
            Assert.Equal(metadata.OrderBy(e => e.Key), file.Metadata.OrderBy(e => e.Key));
            Assert.Equal(tensors.Select(t => t.Name).Order(StringComparer.Ordinal), file.TensorNames);
            foreach (var tensor in tensors)
                AssertEqual(tensor, file.Get(tensor.Name));
        }, threads: 1, iter: 300);

    [Fact]
    public void Reference_files_come_out_byte_for_byte()
    {
        foreach (var folder in new[] { "models", "quant" })
            foreach (var path in Directory.EnumerateFiles(GoldenFiles.Shared("goldens", folder), "*.safetensors", SearchOption.AllDirectories))
            {
                using var file = SafetensorsFile.Open(path);
                var tensors = file.TensorNames.Select(name => TensorToWrite.Copy(file.Get(name)));
                SafetensorsWriter.Write(_folder.File("copy"), tensors, file.Metadata);
                Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.File("copy"))), path);
            }
    }

    [Fact]
    public void Header_and_data_start_on_multiples_of_eight()
    {
        foreach (var length in Enumerable.Range(1, 8))
        {
            SafetensorsWriter.Write(_folder.File("a"), [TensorToWrite.FromFloats(new string('x', length), [1], new float[1])]);
            Assert.Equal(0ul, BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(_folder.File("a"))) % 8);
        }
    }

    [Fact]
    public void Failed_write_leaves_the_old_file_and_nothing_else()
    {
        SafetensorsWriter.Write(_folder.File("a"), [TensorToWrite.FromFloats("old", [2], new float[] { 1, 2 })]);
        TensorToWrite large = TensorToWrite.FromFloats("large", [1_000_000], new float[1_000_000]);
        TensorToWrite failing = new("z", DType.F32, [1], _ => throw new TimeoutException());
        TensorToWrite shortened = new("z", DType.F32, [2], stream => stream.Write(new byte[7]));
        Assert.Throws<TimeoutException>(() => SafetensorsWriter.Write(_folder.File("a"), [large, failing]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder.File("a"), [large, shortened]));
        Assert.Equal(["a"], _folder.Names);
        using var file = SafetensorsFile.Open(_folder.File("a"));
        Assert.Equal([1, 2], file.Get("old").ToFloats());
    }

    [Fact]
    public void Impossible_tensors_are_refused_before_anything_is_written()
    {
        Refused(new("a", DType.F32, [1], _ => { }), new("a", DType.F16, [2], _ => { }));
        Refused(new TensorToWrite("__metadata__", DType.F32, [1], _ => { }));
        Refused(new TensorToWrite("a", DType.F32, [-1], _ => { }));
        Refused(new TensorToWrite("a", DType.F4, [3], _ => { }));
        Refused(new TensorToWrite("a", DType.U8, [1L << 40, 1L << 40], _ => { }));
        Assert.Empty(_folder.Names);
    }

    private void Refused(params TensorToWrite[] tensors) =>
        Assert.ThrowsAny<ArgumentException>(() => SafetensorsWriter.Write(_folder.File("a"), tensors));

    private static void AssertEqual(TensorToWrite written, TensorView read)
    {
        using var bytes = new MemoryStream();
        written.Write(bytes);
        Assert.Equal(written.DType, read.DType);
        Assert.Equal(written.Shape, read.Shape.ToArray());
        Assert.Equal(written.Shape.Aggregate(1L, (a, b) => a * b), read.ElementCount);
        Assert.Equal(bytes.ToArray(), read.Bytes.ToArray());
    }

    private static byte[] RandomBytes(DType type, long[] shape, int seed)
    {
        var bytes = new byte[shape.Aggregate(1L, (a, b) => a * b) * type.Bits() / 8];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
