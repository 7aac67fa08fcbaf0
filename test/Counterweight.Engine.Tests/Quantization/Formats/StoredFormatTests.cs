using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;
using Counterweight.Engine.Tests.Kernels;

namespace Counterweight.Engine.Tests.Quantization.Formats;

/// <summary>What all formats have in common, shown with those of plain floats.</summary>
public unsafe class StoredFormatTests
{
    private static readonly (int Outputs, int Inputs)[] Shapes = [(1, 1), (16, 32), (40, 33), (33, 7), (96, 512), (130, 300)];

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Products_are_those_of_the_dequantized_matrix_to_the_bit(string variant)
    {
        foreach (var (outputs, inputs) in Shapes)
            foreach (var precision in (Precision[])[Precision.Fp32, Precision.Fp16, Precision.Bf16])
                foreach (var rows in (int[])[0, 1, 2, 5, 8, 9, 40])
                {
                    var stored = KernelCases.Weights(precision, outputs, inputs).AsStored();
                    var widened = Quantizer.Quantize(Quantizer.Dequantize(stored), outputs, inputs, Precision.Fp32);
                    var x = KernelCases.Random(rows * inputs, rows);
                    AssertSame(KernelCases.Multiply(variant, widened, x, rows), KernelCases.Multiply(variant, stored, x, rows));
                }
    }

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Some_panels_of_a_product_are_those_of_the_whole(string variant)
    {
        const int Outputs = 88, Inputs = 270, Rows = 3;
        var stored = KernelCases.Weights(Precision.Bf16, Outputs, Inputs).AsStored();
        var x = KernelCases.Random(Rows * Inputs, 4);
        var all = KernelCases.Multiply(variant, stored, x, Rows);
        using var packed = PackedMatrix.Pack(stored);
        var parts = new float[Rows * Outputs];
        fixed (float* xs = x, ys = parts)
        {
            MatMulKernelFactory.Create(variant).Multiply(packed, 0, 2, xs, Rows, Inputs, ys, Outputs);
            MatMulKernelFactory.Create(variant).Multiply(packed, 2, 1, xs, Rows, Inputs, ys, Outputs);
            MatMulKernelFactory.Create(variant).Multiply(packed, 3, 3, xs, Rows, Inputs, ys, Outputs);
        }
        AssertSame(all, parts);
    }

    [Fact]
    public void A_packed_matrix_holds_the_bytes_of_the_file_and_gives_them_back()
    {
        foreach (var (outputs, inputs) in Shapes)
        {
            var stored = KernelCases.Weights(Precision.Fp16, outputs, inputs).AsStored();
            using var packed = PackedMatrix.Pack(stored);
            Assert.Equal(2L * outputs * inputs, packed.Bytes);
            Assert.Equal(stored.Codes.ToArray(), packed.Unpack().Codes.ToArray());
            Assert.Same(stored.Format, packed.Unpack().Format);
        }
    }

    [Fact]
    public void Products_allocate_nothing_once_warm()
    {
        using var packed = PackedMatrix.Pack(KernelCases.Weights(Precision.Bf16, 60, 300).AsStored());
        using var x = AlignedBuffer.OfFloats(5 * 300);
        using var y = AlignedBuffer.OfFloats(5 * 60);
        var kernel = MatMulKernelFactory.Create();
        kernel.Multiply(packed, 0, packed.Panels, x.Floats, 5, 300, y.Floats, 60);
        var before = GC.GetAllocatedBytesForCurrentThread();
        kernel.Multiply(packed, 0, packed.Panels, x.Floats, 5, 300, y.Floats, 60);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Rows_become_panels_as_the_scalar_reference_makes_them()
    {
        const int Stride = 70;
        var rows = KernelCases.Random(16 * Stride, 1);
        foreach (var count in (int[])[0, 1, 7, 8, 9, 16, 31, 64, 70])
        {
            float[] expected = new float[count * 16 + 1], actual = new float[count * 16 + 1];
            fixed (float* source = rows, scalar = expected, vector = actual)
            {
                PanelTranspose.ToPanelScalar(source, Stride, count, scalar);
                PanelTranspose.ToPanel(source, Stride, count, vector);
            }
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void Formats_are_found_by_name_and_unknown_ones_refused()
    {
        foreach (var format in FloatFormat.All)
            Assert.Same(format, StoredFormats.Parse(format.Name, "file"));
        var e = Assert.Throws<InvalidInputException>(() => StoredFormats.Parse("q17_k", "file"));
        Assert.Equal(("file", "format \"q17_k\""), (e.Where, e.Found));
    }

    [Fact]
    public void Too_few_bytes_are_refused()
    {
        var e = Assert.Throws<ArgumentException>(() => QuantizedMatrix.Stored(FloatFormat.Of(Precision.Bf16), 3, 5, new byte[29]));
        Assert.Contains("29 bytes for bf16 [3, 5]", e.Message, StringComparison.Ordinal);
    }

    private static void AssertSame(float[] expected, float[] actual) =>
        Assert.Equal(MemoryMarshal.Cast<float, uint>(expected.AsSpan()).ToArray(), MemoryMarshal.Cast<float, uint>(actual.AsSpan()).ToArray());
}
