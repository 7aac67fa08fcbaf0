using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Tests.Models;

namespace Counterweight.Engine.Tests.Experts;

/// <summary>Every token is counted k times in every MoE layer, whatever the batch and the split; the router's own choices are the reference.</summary>
public class LoadRecorderTests
{
    [Theory]
    [MemberData(nameof(TestModel.Splits), MemberType = typeof(TestModel))]
    public void TokensAreConserved(string split)
    {
        using var test = TestModel.Open();
        foreach (var (devices, seed) in new[] { (1, 1), (3, 2), (6, 3) })
        {
            test.Load(test.Replicated(devices, seed, Precision.Bf16, Precision.Int8, Precision.Int4), split);
            var model = test.Model;
            var recorder = model.Recorder = new LoadRecorder(model.Banks);
            int[] lengths = [40, 7, 1, 90];
            int[][] sequences = [.. lengths.Select(test.Tokens)];
            var choices = new ChoiceCounter(model.Shape);
            Prefill(model, sequences, choices);
            model.Recorder = null;
            Prefill(model, sequences, choices: null);

            for (var l = 0; l < model.Banks.Count; l++)
            {
                Assert.Equal(choices.Loads[model.Shape.MoeLayers[l]], recorder.Prefill[l].ToArray());
                Assert.Equal((long)lengths.Sum() * model.Shape.TopK, recorder.Slots(l).ToArray().Sum());
                AssertSlotsCover(recorder, l, model.Banks[l].Slots);
            }
            Assert.Equal(0, recorder.Decode[0].ToArray().Sum());
        }
    }

    [Theory]
    [MemberData(nameof(TestModel.Splits), MemberType = typeof(TestModel))]
    public void PrefillAndDecodeAreApart(string split)
    {
        using var test = TestModel.Open(TinyModel.Other);
        test.Load(test.Replicated(4, 5, Precision.Fp32, Precision.Int4), split);
        var model = test.Model;
        var recorder = model.Recorder = new LoadRecorder(model.Banks);
        // Passes of 10, 1, 1, 10, 1 and so on; the first sequence ends on a lone token within a pass of a longer one.
        test.Logits([test.Tokens(23, 1), test.Tokens(44, 2)], 10, 1, 1);
        // Passes: 10+10, 1+1, 1+1, 10+10, 1+1, then the second alone: 1, 10, 1, 1, 8.
        const int Prefilled = 20 + 20 + 10 + 8;
        const int Decoded = 2 + 2 + 2 + 1 + 1 + 1;
        for (var l = 0; l < model.Banks.Count; l++)
        {
            Assert.Equal(Prefilled * model.Shape.TopK, recorder.Prefill[l].ToArray().Sum());
            Assert.Equal(Decoded * model.Shape.TopK, recorder.Decode[l].ToArray().Sum());
            Assert.Equal(recorder.Total()[l].ToArray(), recorder.Prefill[l].ToArray().Zip(recorder.Decode[l].ToArray(), (a, b) => a + b));
            AssertSlotsCover(recorder, l, model.Banks[l].Slots);
        }
    }

    [Fact]
    public void AFirstTokenAloneIsPrefill()
    {
        using var test = TestModel.Open();
        var recorder = test.Model.Recorder = new LoadRecorder(test.Model.Banks);
        test.Logits([[5], [6]]);
        Assert.Equal(2 * test.Model.Shape.TopK, recorder.Prefill[0].ToArray().Sum());
        Assert.Equal(0, recorder.Decode[0].ToArray().Sum());
    }

    [Fact]
    public void EvenSlotsOfAnExpertDifferByAtMostOneToken()
    {
        using var test = TestModel.Open();
        test.Load(test.Replicated(4, 6, Precision.Bf16, Precision.Int8), "by-gate");
        var recorder = test.Model.Recorder = new LoadRecorder(test.Model.Banks);
        test.Logits([test.Tokens(60, 1), test.Tokens(60, 2)], 13, 1, 1, 1, 20);
        for (var l = 0; l < test.Model.Banks.Count; l++)
            for (var e = 0; e < test.Model.Shape.Experts; e++)
            {
                var loads = Copies(test.Model.Banks[l].Slots, e).Select(slot => recorder.Slots(l)[slot]).ToArray();
                Assert.InRange(loads.Max() - loads.Min(), 0, 1);
            }
    }

    private static void AssertSlotsCover(LoadRecorder recorder, int layer, SlotTable slots)
    {
        for (var e = 0; e < slots.Experts; e++)
            Assert.Equal(recorder.Total()[layer][e], Copies(slots, e).Sum(slot => recorder.Slots(layer)[slot]));
    }

    private static int[] Copies(SlotTable slots, int expert) => slots.CopiesOf(expert).ToArray();

    private static void Prefill(MoeModel model, int[][] sequences, IForwardTrace? choices)
    {
        var batch = new Counterweight.Engine.Layers.Batch();
        var caches = sequences.Select(_ => model.NewSequence()).ToArray();
        for (var s = 0; s < sequences.Length; s++)
            batch.Add(caches[s], sequences[s]);
        model.Forward(batch, choices);
        Array.ForEach(caches, cache => cache.Dispose());
    }

    private sealed class ChoiceCounter(ModelShape shape) : IForwardTrace
    {
        public Dictionary<int, long[]> Loads { get; } = shape.MoeLayers.ToDictionary(layer => layer, _ => new long[shape.Experts]);

        public void Hidden(int layer, ReadOnlySpan<float> values)
        {
        }

        public void RouterLogits(int layer, ReadOnlySpan<float> logits)
        {
        }

        public void RouterChoices(int layer, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights)
        {
            foreach (var id in ids)
                Loads[layer][id]++;
        }
    }
}
