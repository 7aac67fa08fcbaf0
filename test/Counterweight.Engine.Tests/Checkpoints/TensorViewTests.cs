using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class TensorViewTests : IDisposable
{
    private static readonly ushort[] AllCodes = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_half_widens_exactly()
    {
        using var file = Write(new TensorToWrite("all", DType.F16, [1 << 16], WriteAllCodes));
        var widened = file.Get("all").ToFloats();
        AssertSameValues(Array.ConvertAll(AllCodes, code => (float)BitConverter.UInt16BitsToHalf(code)), widened);
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", "ggml.safetensors"));
        AssertSameValues(golden.Get("F16.all_65536_values").ToFloats(), widened);
    }

    [Fact]
    public void Every_bfloat16_widens_to_the_single_with_these_upper_bits()
    {
        using var file = Write(new TensorToWrite("all", DType.BF16, [1 << 16], WriteAllCodes));
        var bits = MemoryMarshal.Cast<float, uint>(file.Get("all").ToFloats());
        for (var code = 0; code < bits.Length; code++)
            Assert.Equal((uint)code << 16, bits[code]);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Any_stretch_equals_that_part_of_the_whole(DType type)
    {
        var bytes = new byte[200 * type.Bits() / 8];
        new Random(1).NextBytes(bytes);
        using var file = Write(TensorToWrite.FromBytes("t", type, [10, 20], bytes));
        var tensor = file.Get("t");
        var whole = tensor.ToFloats();
        for (var first = 0; first <= 200; first += 3)
            for (var count = 0; count <= 200 - first; count += 7)
            {
                var part = new float[count];
                tensor.CopyTo(first, part);
                AssertSameValues(whole.AsSpan(first, count), part);
            }
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.CopyTo(101, new float[100]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.CopyTo(-1, new float[1]));
        Assert.Throws<ArgumentException>(() => tensor.CopyTo(new float[199]));
    }

    [Fact]
    public void Unaligned_data_is_read()
    {
        // A header of odd length is allowed, so elements may start anywhere.
        var header = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]}}"""u8;
        Assert.Equal(1, header.Length % 2);
        byte[] data = [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f), 0x80, 0x3f, 0, 0x40];
        byte[] content = [.. BitConverter.GetBytes((long)header.Length), .. header, .. data];
        File.WriteAllBytes(_folder.File("t"), content);
        using var file = SafetensorsFile.Open(_folder.File("t"));
        Assert.Equal([1.5f, -2], file.Get("a").ToFloats());
        Assert.Equal([1f, 2], file.Get("b").ToFloats());
    }

    [Fact]
    public void Integers_widen_to_64_bits()
    {
        int[] narrow = [int.MinValue, -1, 0, int.MaxValue];
        long[] wide = [long.MinValue, long.MaxValue];
        using var file = Write(
            TensorToWrite.FromBytes("i32", DType.I32, [4], MemoryMarshal.AsBytes(narrow.AsSpan()).ToArray()),
            TensorToWrite.FromBytes("i64", DType.I64, [2], MemoryMarshal.AsBytes(wide.AsSpan()).ToArray()));
        Assert.Equal([int.MinValue, -1, 0, int.MaxValue], file.Get("i32").ToInt64());
        Assert.Equal(wide, file.Get("i64").ToInt64());
    }

    [Fact]
    public void Other_types_are_refused_by_name()
    {
        using var file = Write(TensorToWrite.FromBytes("codes", DType.F8E4M3, [4], new byte[4]));
        foreach (var error in new[]
        {
            Assert.Throws<InvalidInputException>(() => file.Get("codes").ToFloats()),
            Assert.Throws<InvalidInputException>(() => file.Get("codes").ToInt64()),
        })
        {
            Assert.Contains("F8_E4M3", error.Message, StringComparison.Ordinal);
            Assert.Contains("'codes'", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Scalar_and_empty_tensors_are_read()
    {
        using var file = Write(
            TensorToWrite.FromFloats("scalar", [], new float[] { 7 }),
            TensorToWrite.FromFloats("empty", [3, 0], default));
        Assert.Equal([7], file.Get("scalar").ToFloats());
        Assert.Empty(file.Get("empty", 3, 0).ToFloats());
    }

    [Fact]
    public void View_of_a_disposed_file_throws()
    {
        var file = Write(TensorToWrite.FromFloats("a", [1], new float[1]));
        var tensor = file.Get("a");
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tensor.ToFloats());
        Assert.Throws<ObjectDisposedException>(() => tensor.Bytes.Length);
    }

    [Fact]
    public void Widening_allocates_nothing()
    {
        using var file = Write(
            new TensorToWrite("h", DType.F16, [1 << 16], WriteAllCodes),
            new TensorToWrite("b", DType.BF16, [1 << 16], WriteAllCodes));
        var floats = new float[1 << 16];
        var (half, brain) = (file.Get("h"), file.Get("b"));
        half.CopyTo(floats);
        brain.CopyTo(floats);
        var before = GC.GetAllocatedBytesForCurrentThread();
        half.CopyTo(floats);
        brain.CopyTo(floats);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private SafetensorsFile Write(params TensorToWrite[] tensors)
    {
        SafetensorsWriter.Write(_folder.File("t"), tensors);
        return SafetensorsFile.Open(_folder.File("t"));
    }

    private static void WriteAllCodes(Stream stream) => stream.Write(MemoryMarshal.AsBytes(AllCodes.AsSpan()));

    // Bit for bit, but for the payload of NaN: conversions may make a signalling one quiet.
    private static void AssertSameValues(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            if (!float.IsNaN(expected[i]) || !float.IsNaN(actual[i]))
                Assert.Equal(BitConverter.SingleToUInt32Bits(expected[i]), BitConverter.SingleToUInt32Bits(actual[i]));
    }
}
