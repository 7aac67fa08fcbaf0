using System.Runtime.InteropServices;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Quantized;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;
using Counterweight.Engine.Tests.Checkpoints;
using Counterweight.Engine.Tests.Kernels;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Quantization.Formats;

/// <summary>Every format decodes to the reference's floats, bit for bit: at once, row by row, and within products.</summary>
public unsafe class QuantGoldenTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "fp8_mxfp4", "fp8" },
        { "gptq_awq_compressed", "gptq" },
        { "gptq_awq_compressed", "gptq_act_order" },
        { "gptq_awq_compressed", "awq" },
        { "gptq_awq_compressed", "compressed_int4" },
        { "gptq_awq_compressed", "compressed_int8" },
        { "gptq_variants", "gptq_v2" },
        { "gptq_variants", "gptq_symmetric" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Codes_stand_for_the_reference_values(string file, string module)
    {
        using var folder = new TemporaryFolder();
        using var golden = Open(file, folder);
        var expected = golden.Get($"{module}.dequantized");
        AssertDecodes(TensorsOf(module, golden), WeightPlace.Whole($"{module}.weight", (int)expected.Shape[0], (int)expected.Shape[1]), expected.ToFloats());
    }

    [Fact]
    public void Stacks_in_mxfp4_stand_for_the_reference_values()
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", "fp8_mxfp4.safetensors"));
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder.File("renamed"), [TensorToWrite.Copy(golden.Get("mxfp4.blocks"), "stack_blocks"), TensorToWrite.Copy(golden.Get("mxfp4.scales"), "stack_scales")]);
        using var renamed = SafetensorsFile.Open(folder.File("renamed"));
        var values = golden.Get("mxfp4.dequantized_rows");
        var (experts, outputs, inputs) = ((int)values.Shape[0], (int)values.Shape[1], (int)values.Shape[2]);
        for (var e = 0; e < experts; e++)
            foreach (var (first, stride) in ((int, int)[])[(0, 1), (0, 2), (1, 2)])
            {
                // As the ordinary tensor [experts, inputs, outputs] has them: all outputs, or every other one.
                var place = new WeightPlace("stack", [experts, inputs, outputs], outputs / stride, inputs, (long)e * inputs * outputs + first, stride, outputs);
                var rows = Enumerable.Range(0, outputs / stride).SelectMany(o => Row(values, e * outputs + first + o * stride, inputs)).ToArray();
                AssertDecodes(new Mxfp4Tensors(renamed), place, rows);
            }
    }

    [Fact]
    public void Every_code_of_8_bit_floats_has_its_value()
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", "fp8_mxfp4.safetensors"));
        foreach (var name in (string[])["fp8", "e5m2"])
        {
            var codes = golden.Get($"{name}.all_256_codes").Bytes;
            var values = golden.Get($"{name}.all_256_values").ToFloats();
            float[] decoded = new float[256], scalar = new float[256];
            fixed (byte* source = codes)
            fixed (float* vector = decoded, plain = scalar)
            {
                Float8.Decode(source, name == "e5m2", 1, vector, 256);
                Float8.DecodeScalar(source, name == "e5m2", 1, plain, 256);
            }
            Assert.Equal(values, decoded);
            Assert.Equal(values, scalar);
        }
    }

    [Fact]
    public void Rows_of_a_module_are_read_alone()
    {
        using var folder = new TemporaryFolder();
        using var golden = Open("gptq_awq_compressed", folder);
        foreach (var module in (string[])["gptq", "gptq_act_order", "awq", "compressed_int4", "compressed_int8"])
        {
            var values = golden.Get($"{module}.dequantized");
            var (outputs, inputs) = ((int)values.Shape[0], (int)values.Shape[1]);
            AssertDecodes(TensorsOf(module, golden), WeightPlace.Rows($"{module}.weight", outputs, 24, 40, inputs), values.ToFloats()[(24 * inputs)..(64 * inputs)]);
        }
    }

    /// <summary>The file with the scales and zero points that two of its modules share under both names.</summary>
    private static SafetensorsFile Open(string file, TemporaryFolder folder)
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", $"{file}.safetensors"));
        const string Module = "gptq.", SameScales = "gptq_act_order.";
        var tensors = golden.TensorNames.Select(name => TensorToWrite.Copy(golden.Get(name)));
        var shared = ((string[])["scales", "qzeros"]).Where(part => golden.TryGet(Module + part, out _)).Select(part => TensorToWrite.Copy(golden.Get(Module + part), SameScales + part));
        SafetensorsWriter.Write(folder.File(file), tensors.Concat(shared));
        return SafetensorsFile.Open(folder.File(file));
    }

    private static IStoredTensors TensorsOf(string module, SafetensorsFile file) => module switch
    {
        "fp8" => new Fp8Tensors(file, [".weight_scale_inv"], _ => (128, 128), _ => true),
        "awq" => new AwqTensors(file, 32),
        "compressed_int4" => new CompressedTensors(file, _ => new CompressedScheme(CompressedForm.PackedIntegers, 4, 32, true, false, null, ["Linear"])),
        "compressed_int8" => new CompressedTensors(file, _ => new CompressedScheme(CompressedForm.PackedIntegers, 8, 0, true, false, null, ["Linear"])),
        _ => new GptqTensors(file, _ => new GptqScheme(4, 32, module == "gptq_act_order"), module == "gptq_v2" ? 0 : 1),
    };

    private static void AssertDecodes(IStoredTensors tensors, WeightPlace place, float[] expected)
    {
        var format = tensors.FormatOf(place)!;
        var matrix = QuantizedMatrix.Stored(format, place.Outputs, place.Inputs, tensors.Read(place, format));
        AssertSame(expected, Quantizer.Dequantize(matrix));
        var row = new float[place.Inputs];
        for (var o = 0; o < place.Outputs; o++)
        {
            matrix.CopyRow(o, row);
            AssertSame(expected.AsSpan(o * place.Inputs, place.Inputs), row);
        }
        Assert.Equal(format.Name, StoredFormats.Parse(format.Name, "name").Name);
        Assert.Equal(format.Bytes(place.Outputs, place.Inputs), StoredFormats.Parse(format.Name, "name").Bytes(place.Outputs, place.Inputs));
        var widened = Quantizer.Quantize(expected, place.Outputs, place.Inputs, Balancing.Plans.Precision.Fp32);
        foreach (var variant in MatMulKernelFactory.Available)
            foreach (var rows in (int[])[1, 9])
            {
                var x = KernelCases.Random(rows * place.Inputs, rows);
                AssertSame(KernelCases.Multiply(variant, widened, x, rows), KernelCases.Multiply(variant, matrix, x, rows));
            }
    }

    private static float[] Row(TensorView values, int row, int inputs)
    {
        var floats = new float[inputs];
        values.CopyTo((long)row * inputs, floats);
        return floats;
    }

    private static void AssertSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) =>
        Assert.Equal(MemoryMarshal.Cast<float, uint>(expected).ToArray(), MemoryMarshal.Cast<float, uint>(actual).ToArray());
}
