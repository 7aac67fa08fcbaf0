using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Tests.Kernels;

/// <summary>Matrices, activations and calls that the kernel tests share.</summary>
internal static unsafe class KernelCases
{
    /// <summary>Precisions whose product is a product with the dequantized weights.</summary>
    public static Precision[] WeightOnly { get; } = [Precision.Fp32, Precision.Fp16, Precision.Bf16, Precision.Int8, Precision.Int4];

    public static Precision[] All { get; } = [.. WeightOnly, Precision.LlmInt8];

    public static TheoryData<string, Precision> VariantsAndPrecisions()
    {
        var data = new TheoryData<string, Precision>();
        foreach (var name in MatMulKernelFactory.Available)
            foreach (var precision in WeightOnly)
                data.Add(name, precision);
        return data;
    }

    /// <summary>Integer weights whose activations may be quantized, with scales of every type and width; the second and fourth are GGUF's Q8_0 and Q4_0.</summary>
    public static (Precision Precision, ScaleFormat Scales)[] Integer { get; } =
    [
        (Precision.Int8, ScaleFormat.Of(Precision.Int8)),
        (Precision.Int8, new ScaleFormat(ScaleType.Half, 32)),
        (Precision.Int4, ScaleFormat.Of(Precision.Int4)),
        (Precision.Int4, new ScaleFormat(ScaleType.Half, 32)),
        (Precision.Int8, new ScaleFormat(ScaleType.Single, 64)),
        (Precision.Int4, new ScaleFormat(ScaleType.BFloat16, 128)),
    ];

    public static TheoryData<string, int> VariantsAndIntegerFormats()
    {
        var data = new TheoryData<string, int>();
        foreach (var name in MatMulKernelFactory.Available)
            for (var format = 0; format < Integer.Length; format++)
                data.Add(name, format);
        return data;
    }

    /// <summary>Codes over the whole range, the extreme ones included, and scales around 0.01.</summary>
    public static QuantizedMatrix Codes(int format, int outputs, int inputs, int seed)
    {
        var (precision, scales) = Integer[format];
        var random = new Random(seed);
        var codes = new byte[outputs * (precision == Precision.Int8 ? inputs : (inputs + 1) / 2)];
        random.NextBytes(codes);
        var values = new float[outputs * scales.PerRow(inputs)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(Half)((4 + random.Next(4)) / 512f);
        return new QuantizedMatrix(precision, outputs, inputs, codes, values) { ScaleFormat = scales };
    }

    public static TheoryData<string> Variants() => [.. MatMulKernelFactory.Available];

    public static float[] Random(int count, int seed, float size = 1f)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)(random.NextDouble() * 2 - 1) * size;
        return values;
    }

    public static QuantizedMatrix Weights(Precision precision, int outputs, int inputs, int seed = 7) =>
        Quantizer.Quantize(Random(outputs * inputs, seed, 0.1f), outputs, inputs, precision);

    /// <summary>All rows and outputs in one call; places behind the outputs must stay as they are.</summary>
    public static float[] Multiply(string variant, QuantizedMatrix weights, float[] x, int rows)
    {
        const int Margin = 3;
        const float Untouched = -12345f;
        using var packed = PackedMatrix.Pack(weights);
        var stride = weights.Outputs + Margin;
        var y = new float[rows * stride];
        Array.Fill(y, Untouched);
        fixed (float* xs = x, ys = y)
            MatMulKernelFactory.Create(variant).Multiply(packed, 0, packed.Panels, xs, rows, weights.Inputs, ys, stride);
        var result = new float[rows * weights.Outputs];
        for (var r = 0; r < rows; r++)
        {
            y.AsSpan(r * stride, weights.Outputs).CopyTo(result.AsSpan(r * weights.Outputs));
            Assert.All(y.AsSpan(r * stride + weights.Outputs, Margin).ToArray(), value => Assert.Equal(Untouched, value));
        }
        return result;
    }

    /// <summary>Some panels of all rows in one call, the rows in the format that the variant takes with such weights.</summary>
    public static float[] MultiplyQuantized(string variant, QuantizedMatrix weights, float[] x, int rows, int firstPanel = 0, int? panels = null)
    {
        using var packed = PackedMatrix.Pack(weights);
        var kernel = MatMulKernelFactory.Create(variant);
        var format = kernel.ActivationsFor(packed);
        var rowBytes = MatMulKernel.QuantizedRowBytes(format, weights.Inputs);
        using var quantized = new AlignedBuffer((long)rows * rowBytes);
        var pointers = stackalloc byte*[rows + 1];
        var y = new float[rows * weights.Outputs];
        fixed (float* xs = x, ys = y)
        {
            for (var r = 0; r < rows; r++)
                MatMulKernel.QuantizeRow(format, xs + r * weights.Inputs, weights.Inputs, pointers[r] = (byte*)quantized.Pointer + r * rowBytes);
            kernel.MultiplyQuantized(packed, firstPanel, panels ?? packed.Panels, pointers, rows, ys, weights.Outputs);
        }
        return y;
    }

    /// <summary>That some rows and panels, chosen at random, come out as they do in a call with all of them, and nothing else is written.</summary>
    public static void AssertSameBitsInParts(string variant, QuantizedMatrix weights, float[] x, int rows, int seed)
    {
        var (outputs, inputs) = (weights.Outputs, weights.Inputs);
        var all = MultiplyQuantized(variant, weights, x, rows);
        var random = new Random(seed);
        var panels = (outputs + 15) / 16;
        int firstPanel = random.Next(panels), firstRow = random.Next(rows);
        int panelCount = 1 + random.Next(panels - firstPanel), count = 1 + random.Next(rows - firstRow);
        var some = MultiplyQuantized(variant, weights, x[(firstRow * inputs)..((firstRow + count) * inputs)], count, firstPanel, panelCount);
        for (var r = 0; r < count; r++)
            for (var o = 0; o < outputs; o++)
                Assert.Equal(o / 16 >= firstPanel && o / 16 < firstPanel + panelCount ? all[(firstRow + r) * outputs + o] : 0f, some[r * outputs + o]);
    }

    /// <summary>Σ x·w in double, and Σ |x·w| for the error bound.</summary>
    public static (double Sum, double Magnitude) Exact(ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        double sum = 0, magnitude = 0;
        for (var i = 0; i < x.Length; i++)
        {
            sum += (double)x[i] * w[i];
            magnitude += Math.Abs((double)x[i] * w[i]);
        }
        return (sum, magnitude);
    }

    /// <summary>The bound of recursive summation: n·u·Σ|x·w| with u = 2⁻²⁴, twice where products are rounded too.</summary>
    public static double Bound(double magnitude, int inputs) => 2 * (inputs + 1) * Math.Pow(2, -24) * magnitude;
}
