using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using CsCheck;

namespace Counterweight.Engine.Tests.Kernels;

public class PackedMatrixTests
{
    private static readonly Gen<Precision> Precisions =
        Gen.Int[0, KernelCases.All.Length - 1].Select(i => KernelCases.All[i]);

    [Fact]
    public void Unpacking_gives_back_codes_and_scales()
    {
        Gen.Select(Precisions, Gen.Int[1, 70], Gen.Int[1, 70]).Sample((precision, outputs, inputs) =>
        {
            var matrix = KernelCases.Weights(precision, outputs, inputs);
            using var packed = PackedMatrix.Pack(matrix);
            var back = packed.Unpack();
            Assert.Equal((precision, outputs, inputs), (back.Precision, back.Outputs, back.Inputs));
            Assert.Equal(matrix.Codes.ToArray(), back.Codes.ToArray());
            Assert.Equal(matrix.Scales, back.Scales);
        });
    }

    [Fact]
    public void Bytes_are_predicted()
    {
        Gen.Select(Precisions, Gen.Int[1, 70], Gen.Int[1, 70]).Sample((precision, outputs, inputs) =>
        {
            using var packed = PackedMatrix.Pack(KernelCases.Weights(precision, outputs, inputs));
            Assert.Equal(packed.Bytes, PackedMatrix.BytesFor(precision, outputs, inputs));
        });
    }

    [Theory]
    [InlineData(Precision.Fp32, 96 * 192 * 4)]
    [InlineData(Precision.Fp16, 96 * 192 * 2)]
    [InlineData(Precision.Bf16, 96 * 192 * 2)]
    [InlineData(Precision.Int8, 96 * 192 + 96 * 2)]
    [InlineData(Precision.LlmInt8, 96 * 192 + 96 * 4)]
    [InlineData(Precision.Int4, 96 * 192 / 2 + 96 * 6 * 2)]
    public void Whole_panels_take_the_bytes_of_codes_and_scales(Precision precision, long bytes) =>
        Assert.Equal(bytes, PackedMatrix.BytesFor(precision, 96, 192));

    [Fact]
    public void A_scale_that_would_be_rounded_is_refused_with_its_place()
    {
        var refused = Assert.Throws<InvalidInputException>(
            () => PackedMatrix.Pack(Precision.Int4, 2, 40, new byte[40], [1f, 0.5f, 0.1f, 2f]));
        Assert.Equal("scale 0 of row 1", refused.Where);
        Assert.Throws<InvalidInputException>(() => PackedMatrix.Pack(Precision.LlmInt8, 1, 1, [0], [float.NaN]));
    }

    [Fact]
    public void Codes_of_another_shape_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PackedMatrix.Pack(Precision.Bf16, 2, 3, new byte[11], []));
        Assert.Throws<ArgumentException>(() => PackedMatrix.Pack(Precision.Int8, 2, 3, new byte[6], [1f]));
        Assert.Throws<ArgumentOutOfRangeException>(() => PackedMatrix.Pack(Precision.Fp8, 2, 3, new byte[6], []));
    }
}
