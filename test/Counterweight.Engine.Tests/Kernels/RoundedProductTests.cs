using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;
using CsCheck;

namespace Counterweight.Engine.Tests.Kernels;

/// <summary>Products of bf16 activations with bf16 weights, in the variants that have them on this machine.</summary>
public class RoundedProductTests
{
    private static readonly (int Outputs, int Inputs)[] Shapes = [(1, 1), (16, 32), (40, 33), (33, 7), (96, 192), (130, 320)];

    private static IEnumerable<string> Variants()
    {
        using var weights = PackedMatrix.Pack(KernelCases.Weights(Precision.Bf16, 1, 1));
        return [.. MatMulKernelFactory.Available.Where(name => MatMulKernelFactory.Create(name).ActivationsFor(weights) == ActivationFormat.BFloat16)];
    }

    [Fact]
    public void Results_are_sums_over_rounded_activations()
    {
        foreach (var variant in Variants())
            foreach (var (outputs, inputs) in Shapes)
                foreach (var rows in (int[])[0, 1, 2, 3, 7, 8, 9, 10, 11, 21, 31])
                {
                    var weights = KernelCases.Weights(Precision.Bf16, outputs, inputs);
                    var x = KernelCases.Random(rows * inputs, rows + 1, 3f);
                    var y = KernelCases.MultiplyQuantized(variant, weights, x, rows);
                    var (rounded, w) = (Array.ConvertAll(x, BFloat16.Nearest), Quantizer.Dequantize(weights));
                    for (var r = 0; r < rows; r++)
                        for (var o = 0; o < outputs; o++)
                        {
                            var (sum, magnitude) = KernelCases.Exact(rounded.AsSpan(r * inputs, inputs), w.AsSpan(o * inputs, inputs));
                            Assert.InRange(y[r * outputs + o] - sum, -KernelCases.Bound(magnitude, inputs), KernelCases.Bound(magnitude, inputs));
                        }
                }
    }

    [Fact]
    public void A_result_has_the_same_bits_whatever_the_rows_and_panels_of_the_call()
    {
        foreach (var variant in Variants())
            Gen.Select(Gen.Int[1, 90], Gen.Int[1, 100], Gen.Int[1, 40], Gen.Int[0, 1 << 20]).Sample((outputs, inputs, rows, seed) =>
            {
                var weights = KernelCases.Weights(Precision.Bf16, outputs, inputs, seed);
                KernelCases.AssertSameBitsInParts(variant, weights, KernelCases.Random(rows * inputs, seed + 1), rows, seed);
            }, iter: 60);
    }
}
