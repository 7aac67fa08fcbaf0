using System.Text;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using CsCheck;

namespace Counterweight.Engine.Tests.Checkpoints;

public sealed class SafetensorsHeaderTests : IDisposable
{
    private const string Tensor = """{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":[1]}}""", "'stride'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", "'shape'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "without data_offsets")]
    [InlineData("""{"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", "'f32'")]
    [InlineData("""{"a":{"dtype":7,"shape":[2],"data_offsets":[0,8]}}""", "dtype of tensor 'a'")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", "a possible shape")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", "a possible shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", "'2'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}""", "depth")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}""", "ends at byte 9")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[6],"data_offsets":[2,8]}}""",
        "inside the tensor before it")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}}""",
        "a hole before its begin 5")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "expected 4 bytes")]
    [InlineData($$"""{"a":{{Tensor}},"\u0061":{{Tensor}}}""", "a second 'a'")]
    [InlineData($$$"""{"a":{{{Tensor}}},"__metadata__":{},"__metadata__":{}}""", "a second '__metadata__'")]
    [InlineData($$$"""{"a":{{{Tensor}}},"__metadata__":{"k":"1","k":"2"}}""", "entry 'k'")]
    [InlineData($$$"""{"a":{{{Tensor}}},"__metadata__":null}""", "object of strings")]
    [InlineData($$"""{"\u001b[31m":{"dtype":"F9"},"a":{{Tensor}}}""", "'\\u001b[31m'")]
    [InlineData("{}", "8 bytes of data")]
    [InlineData("", "header")]
    public void Wrong_header_is_refused_for_its_reason(string header, string reason)
    {
        byte[] content = [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[8]];
        var error = Assert.Throws<InvalidInputException>(() => Open(content));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.File("t"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_stands_in_a_file_it_opens_or_is_refused()
    {
        SafetensorsWriter.Write(_folder.File("valid"),
            [TensorToWrite.FromFloats("a", [2, 3], new float[6]), TensorToWrite.FromBytes("b", DType.BF16, [4], new byte[8])],
            new Dictionary<string, string> { ["format"] = "pt" });
        var valid = File.ReadAllBytes(_folder.File("valid"));
        var genEdit = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.OneOf(Gen.Byte, Gen.Int[0, valid.Length - 1].Select(i => valid[i])));
        Gen.Select(genEdit.Array[0, 4], Gen.Int[0, valid.Length]).Sample((edits, length) =>
        {
            var bytes = valid.ToArray();
            foreach (var (position, value) in edits)
                bytes[position] = value;
            try
            {
                Open(length % 4 == 0 ? bytes[..length] : bytes);
            }
            catch (InvalidInputException error)
            {
                Assert.Contains(_folder.File("t"), error.Message, StringComparison.Ordinal);
            }
        }, threads: 1, iter: 3000);
    }

    private void Open(byte[] content)
    {
        File.WriteAllBytes(_folder.File("t"), content);
        using var file = SafetensorsFile.Open(_folder.File("t"));
        foreach (var name in file.TensorNames)
            file.Get(name).Bytes.ToArray();
    }
}
