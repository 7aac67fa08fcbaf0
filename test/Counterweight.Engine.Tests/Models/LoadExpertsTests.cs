using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Tests.Generation;

namespace Counterweight.Engine.Tests.Models;

/// <summary>A swap of experts that fails leaves the former ones at work.</summary>
[Collection(typeof(CountsAllocations))]
public class LoadExpertsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AFailedSwapKeepsTheFormerExperts(int threads)
    {
        using var test = TestModel.Open(threads: threads);
        test.Load(test.Replicated(2, 1, Precision.Bf16, Precision.Int8), "by-gate");
        int[][] sequences = [test.Tokens(40, 1)];
        test.Model.ResetSplits();
        var expected = test.Logits(sequences);
        var (bytes, banks) = (test.Model.ExpertBytes, test.Model.Banks.ToArray());
        foreach (var good in new[] { 0, 3, 9, 13 })
        {
            var source = new EndingSource(test.Model.OriginalExperts, good, () => throw new IOException("the disk is gone"));
            Assert.Equal("the disk is gone", Assert.Throws<IOException>(() => test.Load(test.AllIn(Precision.Int4), experts: source)).Message);
            Assert.Equal(banks, test.Model.Banks);
            Assert.Equal(bytes, test.Model.ExpertBytes);
            test.Model.ResetSplits();
            Bits.AssertSame(expected, test.Logits(sequences));
        }
    }

    [Fact]
    public void ACancelledSwapKeepsTheFormerExperts()
    {
        using var test = TestModel.Open();
        int[][] sequences = [test.Tokens(40, 1)];
        var expected = test.Logits(sequences);
        foreach (var good in new[] { 0, 5, 12 })
        {
            using var cancel = new CancellationTokenSource();
            var source = new EndingSource(test.Model.OriginalExperts, good, cancel.Cancel);
            Assert.ThrowsAny<OperationCanceledException>(() => test.Model.LoadExperts(test.AllIn(Precision.Int8), source, () => SplitPolicies.Create("even"), cancel.Token));
            Bits.AssertSame(expected, test.Logits(sequences));
        }
    }

    [Fact]
    public void FailedAndDoneSwapsFreeWhatTheyLoaded()
    {
        // Without garbage collections no finalizer hides what a swap forgets.
        using var test = TestModel.Open(TinyModel.Default with { Hidden = 96, ExpertIntermediate = 96, Experts = 12, TopK = 2 });
        Swap();
        // Native memory counts as pressure, and the runtime may collect because of it: then nothing was shown, and the next stretch may show it.
        for (var stretch = 0; stretch < 10; stretch++)
            if (GrowthWithoutCollection() is { } growth)
            {
                Assert.Equal(0, growth);
                return;
            }
        Assert.Skip("no stretch without garbage collection");

        long? GrowthWithoutCollection()
        {
            if (!GC.TryStartNoGCRegion(100 << 20))
                return null;
            var before = HugePages.BytesInUse;
            for (var i = 0; i < 4; i++)
                Swap();
            var growth = HugePages.BytesInUse - before;
            if (System.Runtime.GCSettings.LatencyMode != System.Runtime.GCLatencyMode.NoGCRegion)
                return null;
            GC.EndNoGCRegion();
            return growth;
        }

        void Swap()
        {
            Assert.Throws<IOException>(() => test.Load(test.AllIn(Precision.Fp32), experts: new EndingSource(test.Model.OriginalExperts, 23, () => throw new IOException())));
            test.Load(test.AllIn(Precision.Fp32));
        }
    }

    [Fact]
    public void ExpertBytesAreThoseOfThePlan()
    {
        foreach (var tiny in new[] { TinyModel.Default, TinyModel.Other, TinyModel.Mixed })
        {
            using var test = TestModel.Open(tiny);
            var costs = test.Model.ExpertCosts;
            Assert.Equal(costs.OriginalBytes(test.Model.Fingerprint), test.Model.ExpertBytes);
            foreach (var seed in Enumerable.Range(0, 5))
            {
                var layers = test.Replicated(3, seed, [.. costs.Precisions]);
                test.Load(layers);
                Assert.Equal(costs.BytesOf(layers), test.Model.ExpertBytes);
            }
        }
    }

    /// <summary>A source that does something after so many experts.</summary>
    private sealed class EndingSource(IExpertSource source, int good, Action end) : IExpertSource
    {
        private int _given;

        public Precision StoredPrecision => source.StoredPrecision;

        public long StoredBytes(int layer, int expert) => source.StoredBytes(layer, expert);

        public ExpertWeights Get(int layer, int expert, Precision precision)
        {
            if (Interlocked.Increment(ref _given) > good)
                end();
            return source.Get(layer, expert, precision);
        }
    }
}
