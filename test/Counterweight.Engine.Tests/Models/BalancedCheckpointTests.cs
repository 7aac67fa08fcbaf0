using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Tests.Checkpoints;

namespace Counterweight.Engine.Tests.Models;

/// <summary>What is written under a plan is read again as it was, and what was taken away is named.</summary>
public class BalancedCheckpointTests
{
    private static readonly Precision[] Precisions = [Precision.Bf16, Precision.Fp32, Precision.Fp16, Precision.Int8, Precision.LlmInt8, Precision.Int4];

    [Fact]
    public void ABalancedCheckpointGivesTheSameBitsAndBytes()
    {
        foreach (var tiny in new[] { TinyModel.Default, TinyModel.Other, TinyModel.Mixed })
        {
            using var balanced = new Balanced(tiny);
            int[][] sequences = [balanced.Test.Tokens(60, 1), balanced.Test.Tokens(25, 2)];
            balanced.Test.Load(balanced.Plan.Layers, "by-gate", balanced.Experts);
            var expected = balanced.Test.Logits(sequences);

            using var folder = balanced.Write();
            using var reopened = new Reopened(folder.Path);
            Assert.Equal(balanced.Test.Model.ExpertBytes, reopened.Loaded.Model.ExpertBytes);
            Assert.Equal(balanced.Plan.Budget.PlannedBytes, reopened.Loaded.Model.ExpertBytes);
            Assert.Equal(balanced.Plan.Layers.Select(layer => layer.Slots), reopened.Loaded.Plan!.Layers.Select(layer => layer.Slots));
            Bits.AssertSame(expected, reopened.Logits(sequences));
        }
    }

    [Fact]
    public void ABalancedCheckpointCanBeWrittenAgain()
    {
        foreach (var tiny in new[] { TinyModel.Default, TinyModel.Mixed })
        {
            using var balanced = new Balanced(tiny);
            using var first = balanced.Write();
            using var again = new TemporaryFolder();
            using (var reopened = LoadedModel.Open(first.Path, new LoadOptions { Threads = 1 }))
                CheckpointWriter.WriteBalanced(again.Path, reopened.Model, reopened.Checkpoint, reopened.Plan!, reopened.Model.OriginalExperts);
            Assert.Equal(first.Names, again.Names);
            foreach (var name in first.Names)
                Assert.Equal(File.ReadAllBytes(first.File(name)), File.ReadAllBytes(again.File(name)));
        }
    }

    [Fact]
    public void OrdinaryWeightsHoldTheLowestPrecisionOfEachExpert()
    {
        using var balanced = new Balanced(TinyModel.Default);
        var test = balanced.Test;
        int[][] sequences = [test.Tokens(60, 1), test.Tokens(25, 2)];
        test.Load(test.AllIn(Precision.Fp32), experts: new Widened(balanced.Plan, balanced.Experts));
        var expected = test.Logits(sequences);

        using var folder = new TemporaryFolder();
        CheckpointWriter.WriteHuggingFace(folder.Path, test.Model, test.Loaded.Checkpoint, balanced.Plan, balanced.Experts);
        using var reopened = new Reopened(folder.Path);
        Assert.Equal(test.Loaded.Checkpoint.TensorNames, reopened.Loaded.Checkpoint.TensorNames);
        Assert.Null(reopened.Loaded.Plan);
        Bits.AssertSame(expected, reopened.Logits(sequences));
        Assert.Contains("\"torch_dtype\": \"float32\"", File.ReadAllText(folder.File("config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingTensorIsNamed()
    {
        using var balanced = new Balanced(TinyModel.Default);
        using var folder = balanced.Write();
        string missing;
        using (var rest = new TemporaryFolder())
        {
            using (var written = Checkpoint.Open(folder.Path))
            {
                missing = written.TensorNames.Last(name => name.EndsWith("down.codes", StringComparison.Ordinal));
                SafetensorsWriter.Write(rest.File(Checkpoint.SingleFileName), written.TensorNames.Where(name => name != missing).Select(name => TensorToWrite.Copy(written.Get(name))), written.Files[0].Metadata);
            }
            File.Copy(rest.File(Checkpoint.SingleFileName), folder.File(Checkpoint.SingleFileName), overwrite: true);
        }
        var e = Assert.Throws<InvalidInputException>(() => LoadedModel.Open(folder.Path));
        Assert.Contains(Checkpoint.SingleFileName, e.Where, StringComparison.Ordinal);
        Assert.Contains(missing, e.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingPlanIsNamed()
    {
        using var balanced = new Balanced(TinyModel.Default);
        using var folder = balanced.Write();
        File.Delete(folder.File("plan.json"));
        var e = Assert.Throws<InvalidInputException>(() => LoadedModel.Open(folder.Path));
        Assert.Equal((folder.File("plan.json"), "no file"), (e.Where, e.Found));
    }

    [Fact]
    public void APlanOfAnotherModelIsRefused()
    {
        using var balanced = new Balanced(TinyModel.Default);
        using var folder = balanced.Write();
        using var other = new TemporaryFolder();
        (TinyModel.Default with { Seed = 5 }).Write(other.Path);
        var e = Assert.Throws<InvalidInputException>(() => LoadedModel.Open(other.Path, new LoadOptions { PlanFile = folder.File("plan.json") }));
        Assert.Contains("model.weightsHash", e.Where, StringComparison.Ordinal);
    }

    [Fact]
    public void APlanWithAPrecisionThatTheEngineCannotHoldIsRefused()
    {
        using var balanced = new Balanced(TinyModel.Default);
        using var folder = balanced.Write();
        var layer = balanced.Plan.Layers[0];
        var plan = balanced.Plan with { Layers = [layer with { Slots = [layer.Slots[0] with { Precision = Precision.Fp8 }, .. layer.Slots.Skip(1)] }, .. balanced.Plan.Layers.Skip(1)] };
        var path = folder.File("fp8.json");
        using (var stream = File.Create(path))
            PlanFile.Write(plan, stream);
        var e = Assert.Throws<InvalidInputException>(() => LoadedModel.Open(folder.Path, new LoadOptions { PlanFile = path }));
        Assert.Contains("layers[0].slots[0].precision", e.Where, StringComparison.Ordinal);
        Assert.Equal("fp8", e.Found);
    }

    [Fact]
    public void APlanFileAppliesToTheOrdinaryCheckpoint()
    {
        using var balanced = new Balanced(TinyModel.Default);
        using var folder = balanced.Write();
        using var loaded = new Reopened(balanced.Test.Loaded.Checkpoint.Location, folder.File("plan.json"));
        balanced.Test.Load(balanced.Plan.Layers, "by-gate");
        int[][] sequences = [balanced.Test.Tokens(30, 1)];
        Bits.AssertSame(balanced.Test.Logits(sequences), loaded.Logits(sequences));
    }

    /// <summary>A model with a plan of every precision and calibrated experts.</summary>
    private sealed class Balanced : IDisposable
    {
        public Balanced(TinyModel tiny)
        {
            Test = TestModel.Open(tiny);
            Precision[] precisions = Test.Model.OriginalExperts.StoredPrecision == Precision.Stored ? [.. Precisions, Precision.Stored] : Precisions;
            var statistics = Calibration.ObservedModel.Observe(Test, Test.Tokens(200, 8));
            Experts = QuantizedExperts.Make(Test.Model, statistics, precisions);
            var layers = Test.Replicated(4, 11, precisions);
            var costs = Test.Model.ExpertCosts;
            Plan = new Plan(Test.Model.Fingerprint, 4, layers, new PlanBudget(costs.OriginalBytes(Test.Model.Fingerprint), costs.BytesOf(layers), 16),
                new PlanPolicy("test", new Dictionary<string, string>(), 1), new PlanForecast(1, 1, 1, null));
        }

        public TestModel Test { get; }

        public QuantizedExperts Experts { get; }

        public Plan Plan { get; }

        public TemporaryFolder Write()
        {
            var folder = new TemporaryFolder();
            CheckpointWriter.WriteBalanced(folder.Path, Test.Model, Test.Loaded.Checkpoint, Plan, Experts);
            return folder;
        }

        public void Dispose() => Test.Dispose();
    }

    private sealed class Reopened(string folder, string? plan = null) : IDisposable
    {
        private readonly TestModel _test = TestModel.OpenFolder(folder, plan);

        public LoadedModel Loaded => _test.Loaded;

        public float[][] Logits(int[][] sequences) => _test.Logits(sequences);

        public void Dispose() => _test.Dispose();
    }

    /// <summary>Every expert as fp32 weights that stand for the codes of its lowest precision.</summary>
    private sealed class Widened(Plan plan, IExpertSource source) : IExpertSource
    {
        public Precision StoredPrecision => Precision.Fp32;

        public long StoredBytes(int layer, int expert) => 0;

        public ExpertWeights Get(int layer, int expert, Precision precision)
        {
            var lowest = plan.Layers[layer].Slots.Where(slot => slot.Expert == expert).Max(slot => slot.Precision);
            var weights = source.Get(layer, expert, lowest);
            return new ExpertWeights(Wide(weights.Gate!), Wide(weights.Up), Wide(weights.Down));
        }

        private static QuantizedMatrix Wide(QuantizedMatrix matrix) =>
            Quantizer.Quantize(Quantizer.Dequantize(matrix), matrix.Outputs, matrix.Inputs, Precision.Fp32);
    }
}
