using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Kernels;

public unsafe class LlmInt8ProductTests
{
    private static readonly (string File, string Case, string Reading)[] Cases =
    [
        ("llm_int8.safetensors", "plain", ""),
        ("llm_int8.safetensors", "outliers", ""),
        ("llm_int8_cases.safetensors", "regular_value_in_outlier_column", ".paper"),
        ("llm_int8_cases.safetensors", "threshold_is_inclusive", ".paper"),
        ("llm_int8_cases.safetensors", "one_row", ".paper"),
        ("llm_int8_cases.safetensors", "zero_row", ".paper"),
        ("llm_int8_cases.safetensors", "zero_weight_row", ".paper"),
        ("llm_int8_cases.safetensors", "every_column_is_outlier", ".paper"),
    ];

    public static TheoryData<string, string, string, string> References()
    {
        var data = new TheoryData<string, string, string, string>();
        foreach (var variant in MatMulKernelFactory.Available)
            foreach (var (file, name, reading) in Cases)
                data.Add(variant, file, name, reading);
        return data;
    }

    [Theory]
    [MemberData(nameof(References))]
    public void Codes_outliers_integer_products_and_results_are_those_of_the_reference(
        string variant, string file, string name, string reading)
    {
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "quant", file));
        var activation = golden.Get($"{name}.activation");
        int rows = (int)activation.Shape[0], inputs = (int)activation.Shape[1];
        var x = activation.ToFloats();
        var weight = golden.Get($"{name}.weight");
        var outputs = (int)weight.Shape[0];
        var weights = Quantizer.Quantize(weight.ToFloats(), outputs, inputs, Precision.LlmInt8);
        Assert.Equal(golden.Get($"{name}.weight_int8").Bytes.ToArray(), weights.Codes.ToArray());
        Assert.Equal(golden.Get($"{name}.weight_absmax").ToFloats(), weights.Scales);

        var outliers = FindOutliers(x, rows, inputs);
        Assert.Equal(golden.Get($"{name}.outlier_columns").ToInt64(), outliers.Select(column => (long)column));
        var (codes, absmax) = Quantize(x, rows, inputs, outliers);
        Assert.Equal(golden.Get($"{name}{reading}.activation_absmax").ToFloats(), absmax);
        Assert.Equal(golden.Get($"{name}{reading}.activation_int8").Bytes.ToArray(), codes.Select(code => (byte)(sbyte)code));

        var products = Product(variant, weights, codes, rows).Select(sum => (long)sum);
        Assert.Equal(golden.Get($"{name}{reading}.int32_product").ToInt64(), products);

        var expected = golden.Get($"{name}{reading}.result").ToFloats();
        var result = KernelCases.Multiply(variant, weights, x, rows);
        var scale = expected.Max(MathF.Abs);
        for (var i = 0; i < result.Length; i++)
            Assert.InRange(result[i] - expected[i], -Tolerance * scale, Tolerance * scale);
    }

    private const float Tolerance = 2e-6f;

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Integer_products_are_exact_for_the_longest_rows(string variant)
    {
        // Codes of ±127 in rows longer than fp32 can sum exactly in one go.
        const int Inputs = 5000, Outputs = 20, Rows = 9;
        var random = new Random(4);
        var codes = new float[Rows * Inputs];
        var bytes = new byte[Outputs * Inputs];
        for (var i = 0; i < codes.Length; i++)
            codes[i] = i < Inputs ? 127 : random.Next(-127, 128);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(sbyte)(i < Inputs ? 127 : i % Inputs % 3 == 0 ? random.Next(-127, 128) : -127);
        var sums = Product(variant, new QuantizedMatrix(Precision.LlmInt8, Outputs, Inputs, bytes, new float[Outputs]), codes, Rows);
        for (var r = 0; r < Rows; r++)
            for (var o = 0; o < Outputs; o++)
            {
                long exact = 0;
                for (var i = 0; i < Inputs; i++)
                    exact += (long)codes[r * Inputs + i] * (sbyte)bytes[o * Inputs + i];
                Assert.Equal(exact, sums[r * Outputs + o]);
            }
    }

    private static int[] FindOutliers(float[] x, int rows, int inputs)
    {
        var maxima = new float[inputs];
        var outliers = new int[inputs];
        fixed (float* xs = x, ms = maxima)
        fixed (int* os = outliers)
            return LlmInt8Product.FindOutliers(new RowBlock(xs, inputs, null, 0, rows), inputs, ms, os).ToArray();
    }

    private static (float[] Codes, float[] Absmax) Quantize(float[] x, int rows, int inputs, int[] outliers)
    {
        var codes = new float[rows * inputs];
        var absmax = new float[rows];
        var values = new float[inputs];
        fixed (float* xs = x, cs = codes, vs = values)
            for (var r = 0; r < rows; r++)
                absmax[r] = LlmInt8Product.Quantize(xs + r * inputs, cs + r * inputs, vs, inputs, outliers);
        return (codes, absmax);
    }

    private static int[] Product(string variant, QuantizedMatrix weights, float[] codes, int rows)
    {
        var kernel = (PanelKernel)MatMulKernelFactory.Create(variant);
        using var packed = PackedMatrix.Pack(weights);
        using var widened = AlignedBuffer.OfFloats(weights.Inputs * 32);
        using var partial = AlignedBuffer.OfFloats(rows * 32);
        using var sums = AlignedBuffer.OfFloats(rows * 32);
        var result = new int[rows * weights.Outputs];
        for (var panel = 0; panel < packed.Panels; panel += 2)
        {
            var pair = packed.Block.Slice(panel, Math.Min(2, packed.Panels - panel));
            fixed (float* xs = codes)
                LlmInt8Product.MultiplyCodes(kernel, pair, xs, rows, widened.Floats, partial.Floats, (int*)sums.Pointer);
            for (var r = 0; r < rows; r++)
                for (var j = 0; j < 32 && panel * 16 + j < weights.Outputs; j++)
                    result[r * weights.Outputs + panel * 16 + j] = sums.AsSpan<int>()[r * 32 + j];
        }
        return result;
    }
}
