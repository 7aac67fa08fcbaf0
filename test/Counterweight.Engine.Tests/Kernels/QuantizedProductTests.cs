using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;
using CsCheck;

namespace Counterweight.Engine.Tests.Kernels;

/// <summary>Products of quantized activations with integer weights.</summary>
public unsafe class QuantizedProductTests
{
    private static readonly (int Outputs, int Inputs)[] Shapes = [(1, 1), (16, 32), (40, 33), (33, 7), (96, 192), (130, 320)];

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndIntegerFormats), MemberType = typeof(KernelCases))]
    public void Every_variant_gives_the_bits_of_the_definition(string variant, int format)
    {
        foreach (var (outputs, inputs) in Shapes)
            foreach (var rows in (int[])[0, 1, 2, 3, 4, 5, 6, 7, 13, 31])
            {
                var weights = KernelCases.Codes(format, outputs, inputs, rows);
                var x = KernelCases.Random(rows * inputs, rows + 1, 3f);
                Assert.Equal(Bits(Definition(weights, x, rows)), Bits(KernelCases.MultiplyQuantized(variant, weights, x, rows)));
            }
    }

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndIntegerFormats), MemberType = typeof(KernelCases))]
    public void A_result_has_the_same_bits_whatever_the_rows_and_panels_of_the_call(string variant, int format)
    {
        Gen.Select(Gen.Int[1, 90], Gen.Int[1, 100], Gen.Int[1, 40], Gen.Int[0, 1 << 20]).Sample((outputs, inputs, rows, seed) =>
        {
            var weights = KernelCases.Codes(format, outputs, inputs, seed);
            KernelCases.AssertSameBitsInParts(variant, weights, KernelCases.Random(rows * inputs, seed + 1), rows, seed);
        }, iter: 60);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Nothing_saturates_at_the_largest_codes(int format)
    {
        foreach (var variant in MatMulKernelFactory.Available)
            foreach (var (code, x) in ((byte, float)[])[(0x80, 1), (0x80, -1), (0x7F, 1), (0, -1), (0xFF, -1), (0xFF, 1)])
            {
                var codes = KernelCases.Codes(format, 20, 96, 1);
                var weights = codes with { Codes = Enumerable.Repeat(code, codes.Codes.Length).ToArray() };
                var rows = Enumerable.Repeat(x, 5 * 96).ToArray();
                Assert.Equal(Definition(weights, rows, 5), KernelCases.MultiplyQuantized(variant, weights, rows, 5));
            }
    }

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndIntegerFormats), MemberType = typeof(KernelCases))]
    public void Nothing_saturates_however_signs_are_mixed(string variant, int format)
    {
        byte[] extremes = [0x80, 0x7F, 0x00, 0xFF, 0x0F, 0xF0];
        var random = new Random(format);
        for (var run = 0; run < 40; run++)
        {
            var codes = KernelCases.Codes(format, 32, 64, run);
            // Runs of equal signs and codes of 1 to 16 inputs reach the bounds of partial sums.
            var (signs, same) = (random.Next(1, 17), random.Next(1, 17));
            var weights = codes with { Codes = Enumerable.Range(0, codes.Codes.Length).Select(i => extremes[(i / same + run) * 7 % extremes.Length]).ToArray() };
            var rows = Enumerable.Range(0, 3 * 64).Select(i => i / signs % 2 == 0 ? 1f : -1f).ToArray();
            Assert.Equal(Definition(weights, rows, 3), KernelCases.MultiplyQuantized(variant, weights, rows, 3));
        }
    }

    [Fact]
    public void Scales_in_half_precision_widen_exactly()
    {
        var halves = Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).ToArray();
        var widened = new float[halves.Length];
        fixed (ushort* source = halves)
        fixed (float* target = widened)
            HalfScales.Widen(source, halves.Length, target);
        for (var bits = 0; bits < halves.Length; bits++)
            Assert.Equal((float)BitConverter.UInt16BitsToHalf(halves[bits]), widened[bits]);
    }

    [Fact]
    public void Activations_are_off_by_at_most_half_a_step()
    {
        Gen.Select(Gen.Int[1, 100], Gen.Int[0, 1 << 20], Gen.Float[1e-20f, 1e20f]).Sample((inputs, seed, size) =>
        {
            var x = KernelCases.Random(inputs, seed, size);
            var (codes, scales) = Quantize(x);
            for (var i = 0; i < inputs; i++)
            {
                var largest = x.AsSpan(i / 32 * 32, Math.Min(32, inputs - i / 32 * 32)).ToArray().Max(MathF.Abs);
                Assert.Equal(largest / 127, scales[i / 32]);
                Assert.InRange(Math.Abs(codes[i] * (double)scales[i / 32] - x[i]), 0, 0.5001 * scales[i / 32]);
            }
        });
    }

    [Fact]
    public void Zeros_and_the_smallest_numbers_become_zeros()
    {
        foreach (var value in (float[])[0, -0f, float.Epsilon, 1e-38f])
        {
            var (codes, scales) = Quantize(Enumerable.Repeat(value, 40).ToArray());
            Assert.All(codes, code => Assert.Equal(0, code));
            Assert.All(scales, scale => Assert.Equal(0, scale));
        }
    }

    [Theory]
    [MemberData(nameof(KernelCases.VariantsAndIntegerFormats), MemberType = typeof(KernelCases))]
    public void Fp32_activations_take_scales_of_every_type_as_well(string variant, int format)
    {
        foreach (var rows in (int[])[1, 14])
        {
            var weights = KernelCases.Codes(format, 50, 200, rows);
            var widened = Quantizer.Quantize(Quantizer.Dequantize(weights), 50, 200, Precision.Fp32);
            var x = KernelCases.Random(rows * 200, 3);
            Assert.Equal(KernelCases.Multiply(variant, widened, x, rows), KernelCases.Multiply(variant, weights, x, rows));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void Unpacking_gives_back_codes_scales_and_their_format(int format)
    {
        var matrix = KernelCases.Codes(format, 37, 150, 2);
        using var packed = PackedMatrix.Pack(matrix);
        var back = packed.Unpack();
        Assert.Equal(matrix.ScaleFormat, back.ScaleFormat);
        Assert.Equal(matrix.Codes.ToArray(), back.Codes.ToArray());
        Assert.Equal(matrix.Scales, back.Scales);
        Assert.Equal(packed.Bytes, PackedMatrix.BytesFor(matrix.Precision, 37, 150, matrix.ScaleFormat));
    }

    [Fact]
    public void Integers_in_a_checkpoints_own_blocks_are_multiplied_as_such_and_written_again()
    {
        const int Outputs = 37, Inputs = 96, Rows = 5;
        var integers = KernelCases.Codes(1, Outputs, Inputs, 3);
        var bytes = new byte[new Blocks().Bytes(Outputs, Inputs)];
        fixed (byte* target = bytes)
            for (var row = 0; row < Outputs; row++)
                new Blocks().WriteRow(
                    integers.Codes.Span.Slice(row * Inputs, Inputs), integers.Scales.AsSpan(row * Inputs / 32, Inputs / 32), new StoredCodes(target, Outputs, Inputs), row);
        var stored = QuantizedMatrix.Stored(new Blocks(), Outputs, Inputs, bytes);
        using var packed = PackedMatrix.Pack(stored);
        Assert.Equal((Precision.Stored, Precision.Int8), (packed.Precision, packed.Codes));
        Assert.Equal(bytes, packed.Unpack().Codes.ToArray());
        Assert.Equal(packed.Bytes, PackedMatrix.BytesFor(new Blocks(), Outputs, Inputs));
        var x = KernelCases.Random(Rows * Inputs, 4);
        foreach (var variant in MatMulKernelFactory.Available)
        {
            Assert.Equal(KernelCases.MultiplyQuantized(variant, integers, x, Rows), KernelCases.MultiplyQuantized(variant, stored, x, Rows));
            Assert.Equal(KernelCases.Multiply(variant, integers, x, Rows), KernelCases.Multiply(variant, stored, x, Rows));
        }
    }

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>Codes [inputs] and the scale of each 32 of them.</summary>
    private static (sbyte[] Codes, float[] Scales) Quantize(float[] x)
    {
        var groups = (x.Length + 31) / 32;
        using var row = new AlignedBuffer(MatMulKernel.QuantizedRowBytes(ActivationFormat.Int8, x.Length));
        fixed (float* xs = x)
            MatMulKernel.QuantizeRow(ActivationFormat.Int8, xs, x.Length, (byte*)row.Pointer);
        var bytes = row.AsSpan<byte>();
        var blockBytes = bytes.Length / groups;
        var codes = new sbyte[x.Length];
        var scales = new float[groups];
        for (var g = 0; g < groups; g++)
            scales[g] = BitConverter.ToSingle(bytes[(g * blockBytes)..]);
        for (var i = 0; i < x.Length; i++)
            codes[i] = (sbyte)bytes[i / 32 * blockBytes + blockBytes - 32 + i % 32];
        return (codes, scales);
    }

    /// <summary>The sums as the documentation of the kernels defines them, over row-major codes.</summary>
    private static float[] Definition(QuantizedMatrix weights, float[] x, int rows)
    {
        var group = weights.ScaleFormat.Group == 0 ? weights.Inputs : weights.ScaleFormat.Group;
        var perRow = weights.ScaleFormat.PerRow(weights.Inputs);
        var ones = Quantizer.Dequantize(weights with { Scales = [.. weights.Scales.Select(_ => 1f)] });
        var y = new float[rows * weights.Outputs];
        for (var r = 0; r < rows; r++)
        {
            var (codes, scales) = Quantize(x[(r * weights.Inputs)..((r + 1) * weights.Inputs)]);
            for (var o = 0; o < weights.Outputs; o++)
                for (var begin = 0; begin < weights.Inputs; begin += 32)
                {
                    var product = 0;
                    for (var i = begin; i < Math.Min(begin + 32, weights.Inputs); i++)
                        product += codes[i] * (int)ones[o * weights.Inputs + i];
                    var scale = scales[begin / 32] * weights.Scales[o * perRow + begin / group];
                    y[r * weights.Outputs + o] = MathF.FusedMultiplyAdd(product, scale, y[r * weights.Outputs + o]);
                }
        }
        return y;
    }

    /// <summary>A half and 32 int8 codes, again and again.</summary>
    private sealed class Blocks : IntegerFormat
    {
        private const int BlockBytes = 34;

        public override string Name => "blocks";

        public override Precision Codes => Precision.Int8;

        public override ScaleFormat Scales => new(ScaleType.Half, 32);

        public override long Bytes(int outputs, int inputs) => (long)outputs * inputs / 32 * BlockBytes;

        public override void ReadRow(in StoredCodes source, int row, Span<byte> codes, Span<float> scales)
        {
            for (var g = 0; g < scales.Length; g++)
            {
                var block = source.Pointer + ((long)row * scales.Length + g) * BlockBytes;
                scales[g] = (float)*(Half*)block;
                new ReadOnlySpan<byte>(block + 2, 32).CopyTo(codes[(g * 32)..]);
            }
        }

        public override void WriteRow(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, in StoredCodes target, int row)
        {
            for (var g = 0; g < scales.Length; g++)
            {
                var block = target.Pointer + ((long)row * scales.Length + g) * BlockBytes;
                *(Half*)block = (Half)scales[g];
                codes.Slice(g * 32, 32).CopyTo(new Span<byte>(block + 2, 32));
            }
        }

        protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values)
        {
            var (bytes, scales) = (new byte[codes.Inputs], new float[codes.Inputs / 32]);
            ReadRow(codes, row, bytes, scales);
            for (var i = 0; i < count; i++)
                values[i] = (sbyte)bytes[firstInput + i] * scales[(firstInput + i) / 32];
        }
    }
}
