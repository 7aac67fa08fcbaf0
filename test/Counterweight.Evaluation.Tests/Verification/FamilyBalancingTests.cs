using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>Balancing works on every family: replicas change no bit, and calibrate, plan, write and reload give what was planned.</summary>
public sealed class FamilyBalancingTests
{
    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Replicas_of_full_precision_change_no_bit(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        var prompts = GoldenModels.Prompts(folder);
        var expected = ModelRuns.Logits(model, prompts);
        foreach (var split in SplitPolicies.Names)
        {
            model.LoadExperts(ModelRuns.Replicated(model), model.OriginalExperts, () => SplitPolicies.Create(split));
            ModelRuns.AssertSameBits(expected, ModelRuns.Logits(model, prompts), split);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_plan_within_budget_is_loaded_again_to_the_bit(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        var prompts = GoldenModels.Prompts(folder);
        TokenText[] texts = [new("first", prompts[..1]), new("all", prompts)];
        var calibration = new Calibrator(model, new CalibrationOptions()).Run(texts);
        var request = new PlanRequest
        {
            Model = model.Fingerprint,
            Traces = calibration.Traces,
            Costs = calibration.Costs,
            Importance = calibration.Importance,
            MaxLoss = 10,
            Devices = 2,
        };
        var plan = PlanPolicies.Create("budget").Create(request);
        model.LoadExperts(plan.Layers, calibration.Experts, () => SplitPolicies.Create("by-gate"));
        var expected = ModelRuns.Logits(model, prompts);

        using var data = new TemporaryData();
        CheckpointWriter.WriteBalanced(data.Root, model, loaded.Checkpoint, plan, calibration.Experts);
        using var reopened = ModelRuns.Open(data.Root);

        // Of a block format no larger than these, nothing is.
        if (model.OriginalExperts.StoredPrecision != Precision.Stored)
            Assert.Contains(plan.Layers.SelectMany(layer => layer.Slots), slot => slot.Precision is Precision.Int8 or Precision.Int4);
        Assert.InRange(reopened.Model.ExpertBytes, 1, plan.Budget.OriginalBytes);
        Assert.Equal(plan.Budget.PlannedBytes, reopened.Model.ExpertBytes);
        Assert.Equal(model.ExpertBytes, reopened.Model.ExpertBytes);
        ModelRuns.AssertSameBits(expected, ModelRuns.Logits(reopened.Model, prompts));
    }

    /// <summary>Widened into the original names, which may be fused tensors, int8 experts give the logits that the codes give.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Ordinary_weights_of_a_plan_are_what_its_codes_stand_for(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder, ComputeMode.Exact);
        var model = loaded.Model;
        var prompts = GoldenModels.Prompts(folder);
        LayerPlan[] layers = [.. model.OriginalLayers().Select(layer => layer with { Slots = [.. layer.Slots.Select(slot => slot with { Precision = Precision.Int8 })] })];
        var plan = ModelRuns.PlanOf(model, layers);
        model.LoadExperts(layers, model.OriginalExperts, () => SplitPolicies.Create("even"));
        var expected = ModelRuns.Logits(model, prompts);

        using var data = new TemporaryData();
        CheckpointWriter.WriteHuggingFace(data.Root, model, loaded.Checkpoint, plan, model.OriginalExperts);
        using var reopened = ModelRuns.Open(data.Root);
        var actual = ModelRuns.Logits(reopened.Model, prompts);

        if (model.OriginalExperts.StoredPrecision != Precision.Stored)
            Assert.Equal(loaded.Checkpoint.TensorNames, reopened.Checkpoint.TensorNames);
        Assert.InRange(expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Max(), 0, 1e-3f);
    }

    /// <summary>Shared experts, dense layers and layers that predict further tokens are no part of plans; both stacks of an encoder-decoder are.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Plans_are_of_routed_experts_alone(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        var planned = Enumerable.Range(0, model.Shape.MoeLayers.Count)
            .SelectMany(layer => Enumerable.Range(0, model.Shape.Experts).SelectMany(expert => model.ExpertPlaces(layer, expert).Matrices.Select(place => place.Tensor)))
            .ToHashSet();

        Assert.DoesNotContain(planned, name => name.Contains("shared", StringComparison.Ordinal));
        Assert.All(planned, name => Assert.Contains("expert", name.Replace("block_sparse_moe", "experts", StringComparison.Ordinal), StringComparison.Ordinal));
        // Of what the checkpoint has of experts, nothing else is left out than what lies behind the last layer.
        var left = loaded.Checkpoint.TensorNames.Where(name => name.Contains(".experts.", StringComparison.Ordinal) && !name.Contains("bias", StringComparison.Ordinal) && !planned.Contains(name));
        Assert.All(
            left.Where(name => !planned.Any(stack => name.StartsWith(stack + "_", StringComparison.Ordinal))), // blocks and scales
            name => Assert.StartsWith($"model.layers.{model.Shape.Layers}.", name, StringComparison.Ordinal));
        Assert.Equal(model.Shape.EncoderLayers > 0, planned.Any(name => name.StartsWith("encoder.", StringComparison.Ordinal)));
        Assert.Equal(model.Shape.EncoderLayers > 0, planned.Any(name => name.StartsWith("decoder.", StringComparison.Ordinal)));

        var dense = model.DenseBytes;
        model.LoadExperts(ModelRuns.Replicated(model), model.OriginalExperts, () => SplitPolicies.Create("even"));
        Assert.Equal(dense, model.DenseBytes);
    }
}
