using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Tests.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Tests.Models;

/// <summary>What quantized activations change, and what they do not.</summary>
public class ComputeModeTests
{
    [Theory]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Fast_logits_are_near_the_exact_ones(Precision precision)
    {
        foreach (var kernels in MatMulKernelFactory.Available)
        {
            var (exact, fast) = (Logits(ComputeMode.Exact, kernels, precision), Logits(ComputeMode.Fast, kernels, precision));
            // Eight bits are off by 1/254 of the largest of 32 at most.
            var difference = TensorPrimitives.Distance<float>(exact, fast) / TensorPrimitives.Norm<float>(exact);
            Assert.InRange(difference, 1e-6, 0.02);
        }
    }

    [Fact]
    public void Fastest_logits_of_bf16_weights_are_near_the_exact_ones()
    {
        using var weights = PackedMatrix.Pack(KernelCases.Weights(Precision.Bf16, 1, 1));
        foreach (var kernels in MatMulKernelFactory.Available)
        {
            var (exact, fastest) = (Logits(ComputeMode.Exact, kernels, Precision.Bf16), Logits(ComputeMode.Fastest, kernels, Precision.Bf16));
            if (MatMulKernelFactory.Create(kernels).ActivationsFor(weights) == ActivationFormat.BFloat16)
                Assert.InRange(TensorPrimitives.Distance<float>(exact, fastest) / TensorPrimitives.Norm<float>(exact), 1e-6, 0.02);
            else
                Bits.AssertSame(exact, fastest);
        }
    }

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.LlmInt8)]
    public void Weights_that_are_not_int8_or_int4_give_the_same_bits(Precision precision) =>
        Bits.AssertSame(Logits(ComputeMode.Exact, null, precision), Logits(ComputeMode.Fast, null, precision));

    [Fact]
    public void Observers_see_what_exact_arithmetic_makes() =>
        Bits.AssertSame(Logits(ComputeMode.Exact, null, Precision.Int8), Logits(ComputeMode.Fast, null, Precision.Int8, new Blind()));

    private static float[] Logits(ComputeMode mode, string? kernels, Precision precision, IExpertObserver? observer = null)
    {
        using var test = TestModel.Open(kernels: kernels, compute: mode);
        test.Load(test.AllIn(precision));
        test.Model.Observer = observer;
        return test.Logits([test.Tokens(40, 1)])[0];
    }

    private sealed class Blind : IExpertObserver
    {
        public void Observe(int layer, int expert, in ExpertRows rows)
        {
        }
    }
}
