using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints.Gguf;

public sealed class GgufFileTests
{
    public static TheoryData<string> MalformedFiles() => new(
        GoldenFiles.SharedEntries("*.gguf", "goldens", "malformed", "gguf").Concat(GoldenFiles.SharedEntries("*.gguf", "goldens", "malformed", "more", "gguf")));

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(MalformedFiles))]
    public void Malformed_file_is_refused_by_name_without_large_allocation(string path)
    {
        Assert.Throws<InvalidInputException>(() => GgufFile.Open(path).Dispose());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InvalidInputException>(() => GgufFile.Open(path).Dispose());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Contains(Path.GetFileName(path), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reference_file_opens_and_its_tensors_cover_the_data()
    {
        foreach (var path in GoldenFiles.SharedEntries("*.gguf", "goldens", "gguf"))
        {
            using var file = GgufFile.Open(path);
            Assert.Equal(3, file.Version);
            var covered = file.Tensors.Values.Sum(tensor => tensor.Bytes);
            if (covered > 0)
                Assert.InRange(new FileInfo(path).Length - covered, 24, 20_000);
        }
    }

    [Fact]
    public void Metadata_of_every_type_is_read()
    {
        using var folder = new TemporaryFolder();
        var path = new GgufBuilder("test")
            .Add("u8", (byte)200).Add("i8", (sbyte)-3).Add("u16", (ushort)60000).Add("i16", (short)-300).Add("u32", 4_000_000_000u).Add("i32", -70000)
            .Add("f32", 1.5f).Add("bool", true).Add("text", "grüße").Add("u64", ulong.MaxValue / 4).Add("i64", -1L << 40).Add("f64", Math.PI)
            .Add("words", "a", "", "ß").Add("numbers", 1, 2, 3)
            .Write(folder.File("all.gguf"), version: 2);
        using var file = GgufFile.Open(path);
        var metadata = file.Metadata;
        Assert.Equal(2, file.Version);
        Assert.Equal([200, -3, 60000, -300, 4_000_000_000, -70000], new[] { "u8", "i8", "u16", "i16", "u32", "i32" }.Select(key => metadata.Integer(key)));
        Assert.Equal((1.5, true, "grüße"), (metadata.Number("f32"), metadata.Bool("bool"), metadata.String("text")));
        Assert.Equal((long.MaxValue / 2, -1L << 40, Math.PI), (metadata.Integer("u64"), metadata.Integer("i64"), metadata.Number("f64")));
        Assert.Equal(["a", "", "ß"], metadata.Strings("words"));
        Assert.Equal([1, 2, 3], metadata.Integers("numbers"));
        Assert.Contains("all.gguf, key 'text'", Assert.Throws<InvalidInputException>(() => metadata.Integer("text")).Message, StringComparison.Ordinal);
        Assert.Contains("nothing", Assert.Throws<InvalidInputException>(() => metadata.Integer("absent")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        using var folder = new TemporaryFolder();
        var whole = File.ReadAllBytes(new GgufBuilder("test").Add("words", "one", "two").Add("flag", true).AddTensor("t", [2, 3], new float[6]).Write(folder.File("whole.gguf")));
        for (var length = 0; length < whole.Length; length++)
        {
            var path = folder.File($"{length}.gguf");
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<InvalidInputException>(() => GgufFile.Open(path).Dispose());
        }
    }

    [Fact]
    public void No_changed_byte_makes_a_tensor_leave_the_file()
    {
        using var folder = new TemporaryFolder();
        var whole = File.ReadAllBytes(new GgufBuilder("test").Add("words", "one", "two").Add("flag", true).AddTensor("t", [2, 3], new float[6]).Write(folder.File("whole.gguf")));
        var path = folder.File("changed.gguf");
        for (var at = 0; at < whole.Length; at++)
            foreach (var value in new byte[] { 0, 1, 127, 255 })
            {
                var changed = whole.ToArray();
                changed[at] = value;
                File.WriteAllBytes(path, changed);
                try
                {
                    using var file = GgufFile.Open(path);
                    foreach (var key in file.Metadata.Keys)
                        file.Metadata.Describe(key);
                    Assert.All(file.Tensors.Values, tensor => Assert.InRange(Checksum(tensor), long.MinValue, long.MaxValue));
                }
                catch (InvalidInputException)
                {
                }
            }
    }

    private static unsafe long Checksum(GgufTensor tensor)
    {
        var sum = 0L;
        for (var i = 0L; i < tensor.Bytes; i++)
            sum += tensor.Pointer[i];
        return sum;
    }
}
