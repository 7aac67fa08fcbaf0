using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Gguf;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Checkpoints.Gguf;

public sealed unsafe class GgmlTypeTests
{
    [Theory]
    [InlineData("ggml")]
    [InlineData("ggml_edge")]
    public void Every_block_decodes_to_the_reference_bit_for_bit(string name)
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", $"{name}.safetensors"));
        var decoded = 0;
        foreach (var type in GgmlType.All.Where(type => type.IsBlocks))
            foreach (var (blocks, values) in new[] { ("blocks", "decoded"), ("quantized", "dequantized_rows") })
                if (golden.TryGet($"{type.Name}.{blocks}", out var bytes))
                {
                    var expected = golden.Get($"{type.Name}.{values}").ToFloats();
                    var actual = new float[expected.Length];
                    Assert.Equal(type.BytesOf(actual.Length), bytes.ByteCount);
                    type.Decode(bytes.Pointer, actual);
                    // NaNs where a scale overflowed may differ in their payload.
                    for (var i = 0; i < actual.Length; i++)
                        if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
                            Assert.Fail($"{type.Name}.{values}[{i}] is {actual[i]:R}, not {expected[i]:R}");
                    decoded++;
                }
        Assert.True(decoded >= 9);
    }

    [Fact]
    public void All_block_types_of_the_references_are_known()
    {
        foreach (var file in new[] { "ggml.json", "ggml_edge.json" })
        {
            using var listed = JsonDocument.Parse(File.ReadAllText(GoldenFiles.Shared("goldens", "quant", file)));
            var types = listed.RootElement.TryGetProperty("types", out var nested) ? nested : listed.RootElement;
            Assert.All(types.EnumerateObject(), type => Assert.Contains(GgmlType.All, known => known.Name == type.Name));
        }
    }

    [Fact]
    public void Types_without_references_decode_as_defined()
    {
        var values = new float[256];
        var bytes = new byte[292];
        BitConverter.TryWriteBytes(bytes, 0.5f);
        for (var i = 0; i < 256; i++)
            bytes[4 + i] = (byte)(i - 128);
        fixed (byte* blocks = bytes)
            GgmlType.All.Single(type => type.Name == "Q8_K").Decode(blocks, values);
        Assert.Equal(Enumerable.Range(0, 256).Select(i => 0.5f * (i - 128)), values);

        BitConverter.TryWriteBytes(bytes, (Half)2);
        (bytes[2], bytes[17]) = (0b0000_0101, 0b1000_0000);
        fixed (byte* blocks = bytes)
            GgmlType.All.Single(type => type.Name == "Q1_0").Decode(blocks, values.AsSpan(0, 128));
        Assert.Equal([2, -2, 2, -2], values[..4]);
        Assert.Equal([-2, 2], values[126..128]);
    }
}
