using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Tests.Models;

/// <summary>Replicas at the checkpoint's own precision change no bit of any logit.</summary>
public class ReplicaTests
{
    [Theory]
    [MemberData(nameof(TestModel.KernelsAndSplits), MemberType = typeof(TestModel))]
    public void ReplicasOfFullPrecisionChangeNoBit(string kernels, string split)
    {
        foreach (var tiny in new[] { TinyModel.Default, TinyModel.Other, TinyModel.Mixed })
        {
            using var test = TestModel.Open(tiny, kernels);
            int[][] sequences = [test.Tokens(70, 1), test.Tokens(33, 2), test.Tokens(1, 3)];
            var expected = test.Logits(sequences);
            foreach (var (devices, seed) in new[] { (1, 1), (2, 2), (5, 3) })
            {
                test.Load(test.Replicated(devices, seed, test.Model.OriginalExperts.StoredPrecision), split);
                Bits.AssertSame(expected, test.Logits(sequences));
                Bits.AssertSame(expected, test.Logits(sequences, 20, 1, 1, 1, 1, 1));
            }
        }
    }

    [Theory]
    [MemberData(nameof(TestModel.KernelsAndSplits), MemberType = typeof(TestModel))]
    public void ReplicasOfOneLowPrecisionChangeNoBit(string kernels, string split)
    {
        using var test = TestModel.Open(kernels: kernels);
        int[][] sequences = [test.Tokens(50, 1), test.Tokens(20, 2)];
        foreach (var precision in new[] { Precision.Fp32, Precision.Fp16, Precision.Int8, Precision.Int4 })
        {
            test.Load(test.AllIn(precision));
            var expected = test.Logits(sequences);
            test.Load(test.Replicated(4, 9, precision), split);
            Bits.AssertSame(expected, test.Logits(sequences, 25, 1, 1, 7));
        }
    }

    [Fact]
    public void LowPrecisionDoesChangeLogits()
    {
        using var test = TestModel.Open();
        int[][] sequences = [test.Tokens(10, 1)];
        var original = test.Logits(sequences);
        double former = 0;
        foreach (var precision in new[] { Precision.Int8, Precision.Int4 })
        {
            test.Load(test.AllIn(precision));
            var difference = test.Logits(sequences)[0].Zip(original[0], (a, b) => Math.Abs((double)a - b)).Average();
            Assert.True(difference > former, $"{precision}: {difference} after {former}");
            former = difference;
        }
    }

    [Fact]
    public void TheBundledModelIsTheSameUnderReplicas()
    {
        using var test = TestModel.Pocket();
        int[][] sequences = [test.Tokens(120, 1), test.Tokens(40, 2)];
        var expected = test.Logits(sequences);
        test.Load(test.Replicated(3, 4, Precision.Bf16), "least-loaded-by-gate");
        Bits.AssertSame(expected, test.Logits(sequences, 60, 1, 1, 1));
    }
}
