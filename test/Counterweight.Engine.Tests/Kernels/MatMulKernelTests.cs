using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using CsCheck;

namespace Counterweight.Engine.Tests.Kernels;

public unsafe class MatMulKernelTests
{
    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndPrecisions), MemberType = typeof(KernelCases))]
    public void Products_lie_within_the_summation_bound_of_the_exact_ones(string variant, Precision precision)
    {
        foreach (var (outputs, inputs) in ((int, int)[])[(1, 1), (16, 32), (40, 33), (33, 7), (96, 192), (130, 65)])
            foreach (var rows in (int[])[0, 1, 2, 3, 5, 8, 11, 64, 130])
            {
                var weights = KernelCases.Weights(precision, outputs, inputs);
                var dequantized = Quantizer.Dequantize(weights);
                var x = KernelCases.Random(rows * inputs, rows);
                var y = KernelCases.Multiply(variant, weights, x, rows);
                for (var r = 0; r < rows; r++)
                    for (var o = 0; o < outputs; o++)
                    {
                        var (sum, magnitude) = KernelCases.Exact(x.AsSpan(r * inputs, inputs), dequantized.AsSpan(o * inputs, inputs));
                        Assert.InRange(Math.Abs(y[r * outputs + o] - sum), 0, KernelCases.Bound(magnitude, inputs));
                    }
            }
    }

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndPrecisions), MemberType = typeof(KernelCases))]
    public void A_result_has_the_same_bits_whatever_the_rows_and_panels_of_the_call(string variant, Precision precision)
    {
        var kernel = MatMulKernelFactory.Create(variant);
        var cases = Gen.Select(Gen.Int[1, 90], Gen.Int[1, 100], Gen.Int[1, 40], Gen.Int[0, 1 << 20]);
        cases.Sample((outputs, inputs, rows, seed) =>
        {
            var weights = KernelCases.Weights(precision, outputs, inputs, seed);
            var x = KernelCases.Random(rows * inputs, seed + 1);
            var all = KernelCases.Multiply(variant, weights, x, rows);
            using var packed = PackedMatrix.Pack(weights);
            var random = new Random(seed);
            int firstPanel = random.Next(packed.Panels), firstRow = random.Next(rows);
            int panels = 1 + random.Next(packed.Panels - firstPanel), count = 1 + random.Next(rows - firstRow);
            var some = new float[rows * outputs];
            fixed (float* xs = x, ys = some)
                kernel.Multiply(packed, firstPanel, panels, xs + firstRow * inputs, count, inputs, ys + firstRow * outputs, outputs);
            for (var r = 0; r < rows; r++)
                for (var o = 0; o < outputs; o++)
                {
                    var inside = r >= firstRow && r < firstRow + count && o / 16 >= firstPanel && o / 16 < firstPanel + panels;
                    var expected = inside ? all[r * outputs + o] : 0f;
                    Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(some[r * outputs + o]));
                }
        }, iter: 150);
    }

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndPrecisions), MemberType = typeof(KernelCases))]
    public void Codes_are_widened_without_rounding(string variant, Precision precision)
    {
        foreach (var rows in (int[])[1, 3, 7, 40])
        {
            var weights = KernelCases.Weights(precision, 56, 77);
            var widened = Quantizer.Quantize(Quantizer.Dequantize(weights), 56, 77, Precision.Fp32);
            var x = KernelCases.Random(rows * 77, 3);
            Assert.Equal(KernelCases.Multiply(variant, widened, x, rows), KernelCases.Multiply(variant, weights, x, rows));
        }
    }

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Every_half_is_widened_to_its_own_value(string variant)
    {
        // One input, x = 1: the products are the weights themselves, subnormals, infinities and NaNs included.
        var bits = Enumerable.Range(0, 1 << 16).ToArray();
        var codes = new byte[2 * bits.Length];
        for (var i = 0; i < bits.Length; i++)
            BitConverter.TryWriteBytes(codes.AsSpan(2 * i), (ushort)i);
        foreach (var rows in (int[])[1, 20])
        {
            var weights = new QuantizedMatrix(Precision.Fp16, bits.Length, 1, codes, []);
            var y = KernelCases.Multiply(variant, weights, Enumerable.Repeat(1f, rows).ToArray(), rows);
            for (var i = 0; i < y.Length; i++)
            {
                var half = (float)BitConverter.UInt16BitsToHalf((ushort)(i % bits.Length));
                Assert.True(float.IsNaN(half) ? float.IsNaN(y[i]) : y[i] == half, $"half {i % bits.Length:x4}: {y[i]}");
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(33)]
    public void Avx2_and_avx512_give_the_same_bits(int rows)
    {
        if (!MatMulKernelFactory.Available.Contains("avx512"))
            Assert.Skip("this machine has no AVX-512");
        foreach (var precision in KernelCases.All)
        {
            var weights = KernelCases.Weights(precision, 100, 190);
            var x = KernelCases.Random(rows * 190, 5, 3f);
            Assert.Equal(KernelCases.Multiply("avx2", weights, x, rows), KernelCases.Multiply("avx512", weights, x, rows));
        }
    }

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Panels_of_the_caller_are_multiplied_with_strides(string variant)
    {
        var kernel = MatMulKernelFactory.Create(variant);
        foreach (var (panels, inner, rows) in ((int, int, int)[])[(1, 16, 1), (4, 64, 3), (5, 100, 17), (3, 4096, 2), (2, 33, 512)])
        {
            var stride = (inner + 2) * 16;
            var xStride = inner + 5;
            var yStride = panels * 16 + 7;
            using var values = AlignedBuffer.OfFloats(panels * stride);
            KernelCases.Random(panels * stride, inner).CopyTo(values.AsSpan<float>());
            var x = KernelCases.Random(rows * xStride, rows);
            var y = new float[rows * yStride];
            fixed (float* xs = x, ys = y)
                kernel.MultiplyPanels(Precision.Fp32, values.Floats, panels, stride * sizeof(float), inner, xs, rows, xStride, ys, yStride);
            for (var r = 0; r < rows; r++)
                for (var o = 0; o < panels * 16; o++)
                {
                    var column = new float[inner];
                    for (var i = 0; i < inner; i++)
                        column[i] = values.Floats[o / 16 * stride + i * 16 + o % 16];
                    var (sum, magnitude) = KernelCases.Exact(x.AsSpan(r * xStride, inner), column);
                    Assert.InRange(Math.Abs(y[r * yStride + o] - sum), 0, KernelCases.Bound(magnitude, inner));
                }
        }
    }

    [Theory]
    [MemberData(nameof(KernelCases.Variants), MemberType = typeof(KernelCases))]
    public void Products_allocate_nothing_once_warm(string variant)
    {
        var kernel = MatMulKernelFactory.Create(variant);
        foreach (var precision in KernelCases.All)
            foreach (var rows in (int[])[1, 5, 40])
            {
                using var packed = PackedMatrix.Pack(KernelCases.Weights(precision, 60, 96));
                using var x = AlignedBuffer.OfFloats(rows * 96);
                using var y = AlignedBuffer.OfFloats(rows * 60);
                x.AsSpan<float>().Fill(6.5f);
                kernel.Multiply(packed, 0, packed.Panels, x.Floats, rows, 96, y.Floats, 60);
                var before = GC.GetAllocatedBytesForCurrentThread();
                kernel.Multiply(packed, 0, packed.Panels, x.Floats, rows, 96, y.Floats, 60);
                Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            }
    }
}
