using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;

namespace Counterweight.Engine.Tests.Checkpoints.Quantized;

/// <summary>Quantized tensors that do not fit each other, and settings that are not known, are refused by name.</summary>
public class QuantizedErrorTests
{
    private const int Outputs = 32, Inputs = 64;

    private static readonly Dictionary<string, (DType Type, long[] Shape)> Gptq = new()
    {
        ["m.qweight"] = (DType.I32, [Inputs / 8, Outputs]),
        ["m.qzeros"] = (DType.I32, [2, Outputs / 8]),
        ["m.scales"] = (DType.F16, [2, Outputs]),
        ["m.g_idx"] = (DType.I32, [Inputs]),
    };

    private static readonly Dictionary<string, (DType Type, long[] Shape)> Awq = new()
    {
        ["m.qweight"] = (DType.I32, [Inputs, Outputs / 8]),
        ["m.qzeros"] = (DType.I32, [2, Outputs / 8]),
        ["m.scales"] = (DType.F16, [2, Outputs]),
    };

    private static readonly Dictionary<string, (DType Type, long[] Shape)> Fp8 = new()
    {
        ["m.weight"] = (DType.F8E4M3, [Outputs, Inputs]),
        ["m.weight_scale_inv"] = (DType.F32, [2, 4]),
    };

    private static readonly Dictionary<string, (DType Type, long[] Shape)> Packed = new()
    {
        ["m.weight_packed"] = (DType.I32, [Outputs, Inputs / 8]),
        ["m.weight_scale"] = (DType.BF16, [Outputs, 2]),
    };

    private const string GptqSettings = """{"quant_method":"gptq","bits":4,"group_size":32,"desc_act":true,"sym":true}""";
    private const string AwqSettings = """{"quant_method":"awq","bits":4,"group_size":32,"zero_point":true,"version":"gemm"}""";
    private const string Fp8Settings = """{"quant_method":"fp8","fmt":"e4m3","activation_scheme":"dynamic","weight_block_size":[16,16]}""";
    private const string PackedSettings =
        """{"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"g":{"targets":["Linear"],"weights":{"num_bits":4,"group_size":32,"strategy":"group","symmetric":true}}}}""";

    [Theory]
    [InlineData("m.qweight", "[9, 32]", "[8, 32]")]
    [InlineData("m.qzeros", "[3, 4]", "[2, 4]")]
    [InlineData("m.scales", "[2, 31]", "[2, 32]")]
    [InlineData("m.g_idx", "[63]", "[64]")]
    public void Gptq_tensors_of_another_shape_are_named(string tensor, string shape, string expected) => AssertShapeRefused(GptqSettings, Gptq, tensor, shape, expected);

    [Theory]
    [InlineData("m.qweight", "[64, 3]", "[64, 4]")]
    [InlineData("m.qzeros", "[1, 4]", "[2, 4]")]
    [InlineData("m.scales", "[3, 32]", "[2, 32]")]
    public void Awq_tensors_of_another_shape_are_named(string tensor, string shape, string expected) => AssertShapeRefused(AwqSettings, Awq, tensor, shape, expected);

    [Theory]
    [InlineData("m.weight", "[31, 64]", "[32, 64]")]
    [InlineData("m.weight_scale_inv", "[2, 3]", "[2, 4]")]
    public void Fp8_tensors_of_another_shape_are_named(string tensor, string shape, string expected) => AssertShapeRefused(Fp8Settings, Fp8, tensor, shape, expected);

    [Theory]
    [InlineData("m.weight_packed", "[32, 9]", "[32, 8]")]
    [InlineData("m.weight_scale", "[32, 1]", "[32, 2]")]
    public void Packed_tensors_of_another_shape_are_named(string tensor, string shape, string expected) => AssertShapeRefused(PackedSettings, Packed, tensor, shape, expected);

    [Theory]
    [InlineData("m.qweight")]
    [InlineData("m.qzeros")]
    [InlineData("m.scales")]
    [InlineData("m.g_idx")]
    public void A_missing_tensor_is_named(string tensor)
    {
        var tensors = new Dictionary<string, (DType, long[])>(Gptq);
        tensors.Remove(tensor);
        Assert.Contains($"'{tensor}'", Refused(GptqSettings, tensors).Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_that_the_method_does_not_have_is_named()
    {
        var e = Refused(GptqSettings, new Dictionary<string, (DType, long[])>(Gptq) { ["m.qweight"] = (DType.F32, [Inputs / 8, Outputs]) });
        Assert.EndsWith("tensor 'm.qweight'", e.Where, StringComparison.Ordinal);
        Assert.Equal(("dtype F32", "I32"), (e.Found, e.Expected));
    }

    [Fact]
    public void A_group_that_does_not_exist_is_named()
    {
        var e = Refused(GptqSettings, Gptq, fill: 0x02);
        Assert.EndsWith("tensor 'm.g_idx'", e.Where, StringComparison.Ordinal);
        Assert.Equal(("group 33686018 of input 0", "0 to 1"), (e.Found, e.Expected));
    }

    [Theory]
    [InlineData("""{"quant_method":"bitsandbytes"}""", "quantization_config.quant_method")]
    [InlineData("""{"quant_method":"gptq","bits":5,"group_size":32}""", "quantization_config.bits")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":0}""", "quantization_config.group_size")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":32,"checkpoint_format":"marlin"}""", "quantization_config.checkpoint_format")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":32,"rotation":"hadamard"}""", "quantization_config.rotation")]
    [InlineData("""{"quant_method":"awq","bits":4,"group_size":32,"version":"gemv"}""", "quantization_config.version")]
    [InlineData("""{"quant_method":"awq","bits":8,"group_size":32}""", "quantization_config.bits")]
    [InlineData("""{"quant_method":"fp8","weight_block_size":[128]}""", "quantization_config.weight_block_size")]
    [InlineData("""{"quant_method":"modelopt","quant_algo":"W4A16_AWQ"}""", "quantization_config.quant_algo")]
    [InlineData("""{"quant_method":"compressed-tensors","format":"nvfp4-pack-quantized","config_groups":{"g":{"targets":["Linear"],"weights":{"num_bits":4,"type":"float","strategy":"group","group_size":32}}}}""", "quantization_config.config_groups.g.weights.strategy")]
    [InlineData("""{"quant_method":"fp8","fmt":"e3m4"}""", "quantization_config.fmt")]
    [InlineData("""{"quant_method":"mxfp4","block":16}""", "quantization_config.block")]
    [InlineData("""{"quant_method":"compressed-tensors","config_groups":{}}""", "quantization_config.config_groups")]
    [InlineData("""{"quant_method":"compressed-tensors","format":"marlin-24","config_groups":{"g":{"targets":["Linear"],"weights":{"num_bits":4}}}}""", "quantization_config.format")]
    [InlineData("""{"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"g":{"targets":["Linear"],"weights":{"num_bits":3}}}}""", "quantization_config.config_groups.g.weights.num_bits")]
    [InlineData("""{"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"g":{"targets":["Linear"],"weights":{"num_bits":4,"twist":1}}}}""", "quantization_config.config_groups.g.weights.twist")]
    public void Settings_that_are_not_known_are_refused_by_name(string settings, string key) =>
        Assert.EndsWith($"config.json, key {key}", Refused(settings, Gptq).Where, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":32,"modules_to_not_convert":["m"]}""")]
    [InlineData("""{"quant_method":"awq","bits":4,"group_size":32,"modules_to_not_convert":["other","m"]}""")]
    public void A_list_of_what_is_not_quantized_may_not_name_what_is(string settings)
    {
        var e = Refused(settings, Gptq);
        Assert.EndsWith("key quantization_config.modules_to_not_convert", e.Where, StringComparison.Ordinal);
        Assert.Contains("m.qweight", e.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void Stacks_whose_scales_do_not_fit_are_named()
    {
        var e = Refused("""{"quant_method":"mxfp4"}""", new Dictionary<string, (DType, long[])>
        {
            ["stack_blocks"] = (DType.U8, [3, Outputs, 2, 16]),
            ["stack_scales"] = (DType.U8, [3, Outputs, 1]),
        }, place: new WeightPlace("stack", [3, Inputs, Outputs], Outputs, Inputs, 0, 1, Outputs));
        Assert.EndsWith("tensor 'stack_scales'", e.Where, StringComparison.Ordinal);
        Assert.Equal(("shape [3, 32, 1]", "shape [3, 32, 2]"), (e.Found, e.Expected));
    }

    private static void AssertShapeRefused(string settings, Dictionary<string, (DType Type, long[] Shape)> tensors, string tensor, string shape, string expected)
    {
        long[] sizes = [.. shape.Trim('[', ']').Split(", ").Select(long.Parse)];
        var e = Refused(settings, new Dictionary<string, (DType, long[])>(tensors) { [tensor] = (tensors[tensor].Type, sizes) });
        Assert.EndsWith($"tensor '{tensor}'", e.Where, StringComparison.Ordinal);
        Assert.Equal(($"shape {shape}", $"shape {expected}"), (e.Found, e.Expected));
    }

    private static InvalidInputException Refused(string settings, Dictionary<string, (DType Type, long[] Shape)> tensors, byte fill = 0, WeightPlace? place = null)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File(Checkpoint.ConfigFileName), $$"""{"quantization_config":{{settings}}}""");
        SafetensorsWriter.Write(folder.File(Checkpoint.SingleFileName), tensors.Select(tensor => TensorToWrite.FromBytes(tensor.Key, tensor.Value.Type, tensor.Value.Shape, Bytes(tensor.Value, fill))));
        return Assert.Throws<InvalidInputException>(() =>
        {
            using var checkpoint = Checkpoint.Open(folder.Path);
            (place ?? WeightPlace.Whole("m.weight", Outputs, Inputs)).Read(checkpoint);
        });
    }

    private static byte[] Bytes((DType Type, long[] Shape) tensor, byte fill)
    {
        var bytes = new byte[tensor.Shape.Aggregate(1L, (product, size) => product * size) * tensor.Type.Bits() / 8];
        bytes.AsSpan().Fill(fill);
        return bytes;
    }
}
