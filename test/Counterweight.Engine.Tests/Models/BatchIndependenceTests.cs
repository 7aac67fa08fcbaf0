using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using CsCheck;

namespace Counterweight.Engine.Tests.Models;

/// <summary>A token's logits depend on the tokens before it alone: not on the batch, the passes or the threads.</summary>
public class BatchIndependenceTests
{
    public static TheoryData<string, Precision> KernelsAndPrecisions()
    {
        var data = new TheoryData<string, Precision>();
        foreach (var kernels in MatMulKernelFactory.Available)
            foreach (var precision in new[] { Precision.Bf16, Precision.Fp32, Precision.Int8, Precision.Int4 })
                data.Add(kernels, precision);
        return data;
    }

    [Theory]
    [MemberData(nameof(KernelsAndPrecisions))]
    public void ASequenceIsTheSameAloneInABatchAndInPieces(string kernels, Precision precision)
    {
        float[]? onOneThread = null;
        foreach (var threads in new[] { 1, 2, 3 })
        {
            using var test = TestModel.Open(kernels: kernels, threads: threads);
            test.Load(test.AllIn(precision));
            var sequence = test.Tokens(75, 1);
            var alone = test.Logits([sequence])[0];
            Bits.AssertSame(alone, test.Logits([test.Tokens(90, 2), sequence, test.Tokens(3, 3)])[1]);
            Bits.AssertSame(alone, test.Logits([sequence], 1)[0]);
            Bits.AssertSame(alone, test.Logits([sequence], 33, 5, 1, 17)[0]);
            Bits.AssertSame(alone, test.Logits([test.Tokens(75, 4), test.Tokens(40, 5), sequence], 9, 1, 31)[2]);
            Bits.AssertSame(onOneThread ??= alone, alone);
        }
    }

    [Fact]
    public void AnyChunksOfAnyBatchGiveTheSameBits()
    {
        using var test = TestModel.Open(TinyModel.Other);
        var sequence = test.Tokens(60, 1);
        var alone = test.Logits([sequence])[0];
        Gen.Select(Gen.Int[1, 64].Array[1, 4], Gen.Int[1, 80].Array[0, 3], Gen.Int[0, 3]).Sample(
            (chunks, others, place) =>
            {
                var batch = others.Select((length, i) => test.Tokens(length, i + 2)).ToList();
                batch.Insert(Math.Min(place, batch.Count), sequence);
                Bits.AssertSame(alone, test.Logits([.. batch], chunks)[Math.Min(place, others.Length)]);
            },
            iter: 40, threads: 1);
    }

    [Fact]
    public void TruncatingACacheGoesBackToTheBit()
    {
        using var test = TestModel.Open();
        var (head, wrong, right) = (test.Tokens(37, 1), test.Tokens(30, 2), test.Tokens(12, 3));
        var expected = test.Logits([[.. head, .. right]])[0];
        using var cache = test.Model.NewSequence();
        var batch = new Counterweight.Engine.Layers.Batch();
        Run(head);
        Run(wrong);
        cache.Truncate(head.Length);
        Run(right);
        var logits = new float[right.Length * test.Model.Shape.Vocabulary];
        unsafe
        {
            fixed (float* target = logits)
                test.Model.Logits(0, right.Length, target);
        }
        Bits.AssertSame(expected.AsSpan(^logits.Length..), logits);

        void Run(int[] tokens)
        {
            batch.Clear();
            batch.Add(cache, tokens);
            test.Model.Forward(batch);
        }
    }

    [Fact]
    public void TheBundledModelDecodesAsItPrefills()
    {
        using var test = TestModel.Pocket();
        var sequence = test.Tokens(100, 1);
        var alone = test.Logits([sequence])[0];
        Bits.AssertSame(alone, test.Logits([test.Tokens(200, 2), sequence], 64, 1, 1, 1)[1]);
    }
}
