using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class ApplyVerbTests
{
    private static readonly string Text = Path.Combine(GoldenFiles.ProjectRoot, "texts", "calibration", "math.txt");

    [Fact]
    public async Task Weights_for_other_engines_keep_their_names_and_lose_what_the_precision_loses()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var plan = PlanWithInt8(model, folder["plan.json"]);
        (await CliResult.Of(
            "apply", model.Folder, folder["plan.json"], "--format", "huggingface", "--text", Text, "--calibration-tokens", "1024", "-o", folder["out"], "--json", folder["a.json"])).Done();

        using var original = Checkpoint.Open(model.Folder);
        using var written = Checkpoint.Open(folder["out"]);
        Assert.Equal(original.TensorNames, written.TensorNames);
        var (kept, rounded) = ("model.layers.0.mlp.experts.0.up_proj.weight", "model.layers.0.mlp.experts.1.up_proj.weight");
        Assert.Equal(original.Get(kept).ToFloats(), written.Get(kept).ToFloats());
        var largest = original.Get(rounded).ToFloats().Zip(written.Get(rounded).ToFloats(), (before, after) => Math.Abs(before - after)).Max();
        // Weights lie within 0.25; a step of int8 is a 127th of a row's largest. Compensation may move a weight by some steps.
        Assert.InRange(largest, 1e-5, 0.02);
        Assert.Contains("float32", File.ReadAllText(folder["out/config.json"]));
        Assert.False(File.Exists(folder["out/plan.json"]));

        using var loaded = LoadedModel.Open(folder["out"]);
        Assert.Equal(plan.Budget.PlannedBytes, folder.Json("a.json").GetProperty("expertBytes").GetInt64());
    }

    /// <summary>Expert 1 of every layer in int8, the others as they are.</summary>
    private static Plan PlanWithInt8(TinyModel model, string file)
    {
        using var loaded = LoadedModel.Open(model.Folder);
        var costs = loaded.Model.ExpertCosts;
        LayerPlan[] layers = [.. loaded.Model.OriginalLayers().Select(layer => layer with
        {
            Slots = [.. layer.Slots.Select(slot => slot.Expert == 1 ? slot with { Precision = Precision.Int8 } : slot)],
        })];
        var plan = new Plan(
            loaded.Model.Fingerprint, 1, layers, new PlanBudget(costs.OriginalBytes(loaded.Model.Fingerprint), costs.BytesOf(layers), 1),
            new PlanPolicy("by hand", new Dictionary<string, string>(), 1), new PlanForecast(1, 1, 1, null));
        using var stream = File.Create(file);
        PlanFile.Write(plan, stream);
        return plan;
    }
}
