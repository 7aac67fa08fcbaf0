using Counterweight.Balancing.Plans;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Generation;

/// <summary>Runs alone: allocations are counted over the whole process.</summary>
[CollectionDefinition(DisableParallelization = true)]
public class CountsAllocations;

/// <summary>In steady state a generated token costs no managed memory, on any thread.</summary>
[Collection(typeof(CountsAllocations))]
public class AllocationTests
{
    /// <summary>
    /// A garbage collection counts the rest of a thread's allocation quantum as allocated, and the test platform has threads of its own:
    /// single windows are forgiven. An allocation in every step, or in one of sixteen, shows in most of them.
    /// </summary>
    private const int Windows = 8;

    private const int StepsPerWindow = 10;

    [Theory]
    [MemberData(nameof(TestModel.Splits), MemberType = typeof(TestModel))]
    public void DecodingAllocatesNothing(string split)
    {
        using var test = TestModel.Open();
        test.Load(test.Replicated(3, 1, Precision.Bf16, Precision.Int8, Precision.Int4), split);
        test.Model.Recorder = new Counterweight.Engine.Experts.LoadRecorder(test.Model.Banks);
        AssertDecodingAllocatesNothing(test, new SamplingOptions { TopK = 10, TopP = 0.9, MinP = 0.01, RepetitionPenalty = 1.1 });
    }

    [Fact]
    public void DecodingTheBundledModelAllocatesNothing()
    {
        using var test = TestModel.Pocket();
        AssertDecodingAllocatesNothing(test, SamplingOptions.Greedy);
    }

    [Fact]
    public void PrefillOfALengthSeenBeforeAllocatesNothing()
    {
        using var test = TestModel.Open();
        test.Load(test.Replicated(3, 1, Precision.Bf16, Precision.Int8), "least-loaded-by-gate");
        using var cache = test.Model.NewSequence();
        var tokens = test.Tokens(250, 1);
        var batch = new Batch();
        AssertAllocatesNothing(() =>
        {
            cache.Truncate(0);
            batch.Clear();
            batch.Add(cache, tokens);
            test.Model.Forward(batch);
        });
    }

    private static void AssertDecodingAllocatesNothing(TestModel test, SamplingOptions sampling)
    {
        // A first round leaves pages enough behind.
        using (var first = new GenerationSession(test.Model, [.. Enumerable.Range(0, 5).Select(i => new GenerationRequest(test.Tokens(250, i), 1, sampling))]))
            first.Step([]);
        var requests = Enumerable.Range(0, 5).Select(i => new GenerationRequest(test.Tokens(128, i), 110, sampling, IgnoreEnd: true)).ToArray();
        using var session = new GenerationSession(test.Model, requests);
        var tokens = new List<GeneratedToken>(requests.Length);
        for (var step = 0; step < 4; step++)
            Step();
        AssertAllocatesNothing(Step);

        void Step()
        {
            tokens.Clear();
            session.Step(tokens);
        }
    }

    private static void AssertAllocatesNothing(Action step)
    {
        step();
        var onThisThread = new long[Windows];
        var overall = new long[Windows];
        for (var window = 0; window < Windows; window++)
        {
            (onThisThread[window], overall[window]) = (-GC.GetAllocatedBytesForCurrentThread(), -GC.GetTotalAllocatedBytes(precise: true));
            for (var i = 0; i < StepsPerWindow; i++)
                step();
            overall[window] += GC.GetTotalAllocatedBytes(precise: true);
            onThisThread[window] += GC.GetAllocatedBytesForCurrentThread();
        }
        Assert.True(onThisThread.Count(bytes => bytes == 0) >= Windows - 1, $"bytes in {StepsPerWindow} steps on this thread: {string.Join(", ", onThisThread)}");
        Assert.True(overall.Count(bytes => bytes == 0) >= Windows / 2, $"bytes in {StepsPerWindow} steps overall: {string.Join(", ", overall)}");
    }
}
