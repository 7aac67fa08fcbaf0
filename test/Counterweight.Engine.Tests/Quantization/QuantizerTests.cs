using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;
using CsCheck;

namespace Counterweight.Engine.Tests.Quantization;

public class QuantizerTests
{
    private const float SmallestBfloat16 = 9.2e-41f;

    private static readonly Gen<float> Weight = Gen.OneOf(Gen.Float[-1, 1], Gen.Float[-1e-6f, 1e-6f], Gen.Float[-300, 300], Gen.Const(0f));

    private static readonly Gen<(float[] Weights, int Outputs, int Inputs)> Matrix =
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 80]).SelectMany((outputs, inputs) =>
            Weight.Array[outputs * inputs].Select(weights => (weights, outputs, inputs)));

    [Fact]
    public void Stored_halves_and_bfloat16s_pass_through_unchanged()
    {
        foreach (var precision in (Precision[])[Precision.Fp16, Precision.Bf16])
        {
            var codes = new List<byte>();
            for (var bits = 0; bits < 1 << 16; bits++)
                if (precision == Precision.Fp16 ? Half.IsFinite(BitConverter.UInt16BitsToHalf((ushort)bits)) : (bits & 0x7F80) != 0x7F80)
                    codes.AddRange([(byte)bits, (byte)(bits >> 8)]);
            var stored = new QuantizedMatrix(precision, codes.Count / 2, 1, codes.ToArray(), []);
            Assert.Equal(stored.Codes.ToArray(), Quantizer.Quantize(Quantizer.Dequantize(stored), stored.Outputs, 1, precision).Codes.ToArray());
        }
    }

    [Fact]
    public void Halves_and_bfloat16s_are_the_nearest_ties_to_even()
    {
        Weight.Array[64].Sample(weights =>
        {
            var halves = Quantizer.Dequantize(Quantizer.Quantize(weights, 1, weights.Length, Precision.Fp16));
            Assert.Equal(weights.Select(weight => (float)(Half)weight), halves);
            var bfloats = Quantizer.Dequantize(Quantizer.Quantize(weights, 1, weights.Length, Precision.Bf16));
            for (var i = 0; i < weights.Length; i++)
                Assert.Equal(NearestBfloat16(weights[i]), bfloats[i]);
        });
        // 1 + 2⁻⁸ lies halfway between 1 and 1 + 2⁻⁷, 1 + 3·2⁻⁸ between that and 1 + 2⁻⁶.
        Assert.Equal([1f, 1.015625f], Quantizer.Dequantize(Quantizer.Quantize([1.00390625f, 1.01171875f], 1, 2, Precision.Bf16)));
    }

    [Fact]
    public void Int8_is_off_by_half_a_step_at_most_and_clips_nothing()
    {
        Matrix.Sample((weights, outputs, inputs) =>
        {
            var matrix = Quantizer.Quantize(weights, outputs, inputs, Precision.Int8);
            var values = Quantizer.Dequantize(matrix);
            for (var row = 0; row < outputs; row++)
            {
                var largest = weights.Skip(row * inputs).Take(inputs).Max(MathF.Abs);
                var scale = matrix.Scales[row];
                Assert.InRange(scale, largest / 127, largest / 127 * 1.008f + SmallestBfloat16);
                Assert.Equal(0u, BitConverter.SingleToUInt32Bits(scale) & 0xFFFF);
                for (var i = 0; i < inputs; i++)
                {
                    Assert.InRange(MathF.Abs(values[row * inputs + i] - weights[row * inputs + i]), 0, scale * 0.50001f);
                    Assert.InRange((sbyte)matrix.Codes.Span[row * inputs + i], -127, 127);
                }
            }
        });
    }

    [Fact]
    public void Int4_errs_no_more_than_with_the_scale_that_clips_nothing()
    {
        Matrix.Sample((weights, outputs, inputs) =>
        {
            var matrix = Quantizer.Quantize(weights, outputs, inputs, Precision.Int4);
            var groups = (inputs + 31) / 32;
            Assert.Equal(outputs * groups, matrix.Scales.Length);
            Assert.All(matrix.Scales, scale => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(scale) & 0xFFFF));
            foreach (var (group, error) in GroupErrors(weights, matrix))
            {
                var plain = ErrorOf(group, NearestBfloat16(group.Max(MathF.Abs) / 7));
                Assert.InRange(error, 0, plain * 1.0001 + 1e-30);
            }
        });
    }

    [Fact]
    public void Int4_scales_of_bell_shaped_weights_are_nearly_the_best_of_a_dense_search()
    {
        var weights = ErrorCompensatedQuantizerTests.Normal(new Random(2), 32 * 200);
        double found = 0, least = 0;
        foreach (var (group, error) in GroupErrors(weights, Quantizer.Quantize(weights, 100, 64, Precision.Int4)))
        {
            found += error;
            least += LeastError(group);
        }
        Assert.InRange(found / least, 0.99, 1.05);
    }

    [Fact]
    public void Int4_codes_are_two_to_a_byte_even_column_low()
    {
        var matrix = Quantizer.Quantize([-7f, 7f, 3f], 1, 3, Precision.Int4);
        Assert.Equal(2, matrix.Codes.Length);
        var scale = Assert.Single(matrix.Scales);
        int[] codes = [(matrix.Codes.Span[0] & 15) - 8, (matrix.Codes.Span[0] >> 4) - 8, (matrix.Codes.Span[1] & 15) - 8];
        Assert.Equal([-7f, 7f, 3f], codes.Select(code => code * scale));
        Assert.Equal([-7f, 7f, 3f], Quantizer.Dequantize(matrix));
    }

    [Theory]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    [InlineData(Precision.LlmInt8)]
    public void Zero_and_tiny_rows_give_finite_values(Precision precision)
    {
        var weights = new float[3 * 40];
        Array.Fill(weights, 1e-40f, 40, 40);
        Array.Fill(weights, -1e-37f, 80, 40);
        var values = Quantizer.Dequantize(Quantizer.Quantize(weights, 3, 40, precision));
        for (var i = 0; i < values.Length; i++)
            Assert.InRange(Math.Abs((double)values[i] - weights[i]), 0, 1e-37);
    }

    [Theory]
    [InlineData(Precision.Fp32, float.NaN)]
    [InlineData(Precision.Bf16, float.NegativeInfinity)]
    [InlineData(Precision.Bf16, float.MaxValue)]
    [InlineData(Precision.Fp16, float.NaN)]
    [InlineData(Precision.Fp16, 65520f)]
    [InlineData(Precision.Int8, float.PositiveInfinity)]
    [InlineData(Precision.Int4, float.NaN)]
    [InlineData(Precision.LlmInt8, float.NaN)]
    public void A_weight_that_cannot_be_stored_is_refused_by_row_and_column(Precision precision, float weight)
    {
        var weights = new float[4 * 7];
        weights[2 * 7 + 5] = weight;
        Assert.Equal("weight [2, 5]", Assert.Throws<InvalidInputException>(() => Quantizer.Quantize(weights, 4, 7, precision)).Where);
    }

    private static float NearestBfloat16(float value)
    {
        var below = BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000;
        double low = BitConverter.UInt32BitsToSingle(below), high = BitConverter.UInt32BitsToSingle(below + 0x10000);
        double toLow = Math.Abs(value - low), toHigh = Math.Abs(value - high);
        return (float)(toLow < toHigh || (toLow == toHigh && (below & 0x10000) == 0) ? low : high);
    }

    private static IEnumerable<(float[] Group, double Error)> GroupErrors(float[] weights, QuantizedMatrix matrix)
    {
        var values = Quantizer.Dequantize(matrix);
        for (var row = 0; row < matrix.Outputs; row++)
            for (var begin = 0; begin < matrix.Inputs; begin += 32)
            {
                int first = row * matrix.Inputs + begin, end = row * matrix.Inputs + Math.Min(matrix.Inputs, begin + 32);
                var group = weights[first..end];
                yield return (group, group.Select((weight, i) => Math.Pow((double)weight - values[first + i], 2)).Sum());
            }
    }

    private static double ErrorOf(float[] group, double scale) => scale == 0
        ? group.Sum(weight => (double)weight * weight)
        : group.Sum(weight => Math.Pow(weight - Math.Clamp(Math.Round(weight / scale), -8, 7) * scale, 2));

    private static double LeastError(float[] group)
    {
        double largest = group.Max(MathF.Abs);
        var scales = Enumerable.Range(500, 1500).Select(i => largest / 5 * i / 2000);
        return scales.Min(scale => Math.Min(ErrorOf(group, scale), ErrorOf(group, -scale)));
    }
}
