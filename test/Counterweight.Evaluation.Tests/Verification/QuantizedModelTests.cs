using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>
/// Quantized checkpoints are what their codes stand for: a reference model is quantized by every method, and its logits are those of an fp32 checkpoint with the
/// decoded values, bit for bit; it can be balanced, written and loaded again.
/// </summary>
public sealed class QuantizedModelTests
{
    private static readonly string[] Families = ["qwen3_moe_64", "mixtral", "deepseek_v3", "qwen2_moe", "hunyuan_v1_moe"];

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        // Every method on one family whose sizes suit all, and the families turn and turn about; codes of 2 and 3 bits fill no words in theirs.
        for (var m = 0; m < QuantizationMethods.All.Length; m++)
        {
            cases.Add(Families[0], QuantizationMethods.All[m].Name);
            if (!QuantizationMethods.All[m].Name.StartsWith("GPTQ 2", StringComparison.Ordinal) && !QuantizationMethods.All[m].Name.StartsWith("GPTQ 3", StringComparison.Ordinal))
                cases.Add(Families[1 + m % (Families.Length - 1)], QuantizationMethods.All[m].Name);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_are_those_of_the_decoded_values_to_the_bit(string family, string method)
    {
        using var copy = new Copy(family, method);
        var prompts = GoldenModels.Prompts(family);
        foreach (var kernels in MatMulKernelFactory.Available)
        {
            using var quantized = ModelRuns.Open(copy.Quantized.Root, kernels);
            using var widened = ModelRuns.Open(copy.Widened.Root, kernels);
            Assert.Equal(Precision.Stored, quantized.Model.OriginalExperts.StoredPrecision);
            ModelRuns.AssertSameBits(ModelRuns.Logits(widened.Model, prompts), ModelRuns.Logits(quantized.Model, prompts), kernels);
        }
    }

    public static TheoryData<string> Methods() => [.. QuantizationMethods.All.Select(method => method.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void What_is_held_is_hardly_larger_than_the_file(string method)
    {
        using var copy = new Copy(Families[0], method);
        using var quantized = ModelRuns.Open(copy.Quantized.Root);
        // Zero points are held in bytes.
        var file = new FileInfo(Path.Combine(copy.Quantized.Root, Checkpoint.SingleFileName)).Length;
        Assert.InRange(quantized.Model.ExpertBytes + quantized.Model.DenseBytes, 1, file * 1.15);
        Assert.Equal(quantized.Model.ExpertCosts.OriginalBytes(quantized.Model.Fingerprint), quantized.Model.ExpertBytes);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_plan_is_written_and_loaded_again_to_the_bit(string family, string method)
    {
        using var copy = new Copy(family, method);
        using var loaded = ModelRuns.Open(copy.Quantized.Root);
        var model = loaded.Model;
        var prompts = GoldenModels.Prompts(family);
        var original = ModelRuns.Logits(model, prompts);
        model.LoadExperts(ModelRuns.Replicated(model), model.OriginalExperts, () => SplitPolicies.Create("by-gate"));
        ModelRuns.AssertSameBits(original, ModelRuns.Logits(model, prompts), "replicas change bits");

        model.LoadExperts(model.OriginalLayers(), model.OriginalExperts, () => SplitPolicies.Create("even"));
        var calibration = new Calibrator(model, new CalibrationOptions()).Run([new TokenText("all", prompts)]);
        var request = new PlanRequest
        {
            Model = model.Fingerprint,
            Traces = calibration.Traces,
            Costs = calibration.Costs,
            Importance = calibration.Importance,
            Budget = 1.3,
            MaxLoss = 10,
            Devices = 2,
        };
        var plan = Mix(PlanPolicies.Create("budget").Create(request), calibration.Costs);
        model.LoadExperts(plan.Layers, calibration.Experts, () => SplitPolicies.Create("by-gate"));
        var expected = ModelRuns.Logits(model, prompts);

        using var data = new TemporaryData();
        CheckpointWriter.WriteBalanced(data.Root, model, loaded.Checkpoint, plan, calibration.Experts);
        using var reopened = ModelRuns.Open(data.Root);
        Assert.Equal(model.ExpertBytes, reopened.Model.ExpertBytes);
        ModelRuns.AssertSameBits(expected, ModelRuns.Logits(reopened.Model, prompts), "written again");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ordinary_weights_are_the_decoded_ones(string family, string method)
    {
        using var copy = new Copy(family, method);
        using var quantized = ModelRuns.Open(copy.Quantized.Root);
        var plan = ModelRuns.PlanOf(quantized.Model, quantized.Model.OriginalLayers());
        using var data = new TemporaryData();
        CheckpointWriter.WriteHuggingFace(data.Root, quantized.Model, quantized.Checkpoint, plan, quantized.Model.OriginalExperts);
        using var written = Checkpoint.Open(data.Root);
        using var widened = Checkpoint.Open(copy.Widened.Root);
        Assert.Equal(widened.TensorNames, written.TensorNames);
        foreach (var name in written.TensorNames)
            ModelRuns.AssertSameBits(widened.Get(name).ToFloats(), written.Get(name).ToFloats(), name);
    }

    /// <summary>The plan with one more copy of the first two experts of each layer, in int8 and int4: what is made from decoded weights is written too.</summary>
    private static Plan Mix(Plan plan, ExpertCosts costs)
    {
        LayerPlan[] layers = [.. plan.Layers.Select(layer => layer with
        {
            Slots = [.. layer.Slots.Where(slot => slot.Expert > 1), new Slot(0, Precision.Stored, 0), new Slot(0, Precision.Int8, 1), new Slot(1, Precision.Int4, 0), new Slot(1, Precision.Stored, 1)],
        })];
        return plan with { Layers = layers, Budget = new PlanBudget(plan.Budget.OriginalBytes, costs.BytesOf(layers), 16) };
    }

    private sealed class Copy : IDisposable
    {
        public Copy(string family, string method) => QuantizedCopy.Write(
            GoldenFiles.Shared("goldens", "models", family), QuantizationMethods.All.Single(candidate => candidate.Name == method), Quantized.Root, Widened.Root);

        public TemporaryData Quantized { get; } = new();

        public TemporaryData Widened { get; } = new();

        public void Dispose()
        {
            Quantized.Dispose();
            Widened.Dispose();
        }
    }
}
