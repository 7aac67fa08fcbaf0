using System.Text.Json;
using Counterweight.Balancing.Splits;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;
using Counterweight.Evaluation.Verification;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

public sealed class GoldenModelTests
{
    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var folder in GoldenModels.Folders().Append("pocket-moe"))
            foreach (var kernel in MatMulKernelFactory.Available)
                cases.Add(folder, kernel);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_pass_agrees_with_the_reference(string folder, string kernel)
    {
        var goldens = GoldenFiles.Shared("goldens", "models", folder);
        var weights = folder == "pocket-moe" ? Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe") : goldens;
        using var settings = JsonDocument.Parse(File.ReadAllText(Path.Combine(goldens, "golden.json")));
        var tolerance = settings.RootElement.GetProperty("tolerance").GetDouble();

        using var pool = new WorkerPool(2);
        using var checkpoint = Checkpoint.Open(weights);
        using var golden = SafetensorsFile.Open(Path.Combine(goldens, "golden.safetensors"));
        using var model = ModelLoader.Load(checkpoint, new ComputeContext(MatMulKernelFactory.Create(kernel), pool));
        model.LoadExperts(model.OriginalLayers(), model.OriginalExperts, () => SplitPolicies.Create("even"));

        var differences = new GoldenVerifier(model, golden, tolerance).Verify();

        TestContext.Current.TestOutputHelper?.WriteLine($"{folder} {kernel}: {differences.First(d => d.Tensor == "logits")}");
        Assert.Contains(differences, difference => difference.Tensor == "logits");
        Assert.Contains(differences, difference => difference.Tensor == "greedy_ids");
        Assert.All(differences, difference => Assert.True(difference.Agrees, $"{difference}"));
    }

    /// <summary>The implementation behind references runs on beyond the length that a model was made for.</summary>
    [Theory]
    [InlineData("mixtral")]
    [InlineData("switch_transformers_capacity")]
    public void References_may_be_longer_than_the_longest_text(string folder)
    {
        using var copy = CheckpointCopy.WithConfig(folder, config => (config["max_position_embeddings"], config["n_positions"]) = (20, 20));
        using var loaded = ModelRuns.Open(copy.Path);
        Assert.Equal(20, loaded.Model.Shape.MaxPositions);
        using var golden = SafetensorsFile.Open(GoldenFiles.Shared("goldens", "models", folder, "golden.safetensors"));
        var differences = new GoldenVerifier(loaded.Model, golden, 1e-3).Verify();
        Assert.Contains(differences, difference => difference.Tensor == "greedy_ids");
        Assert.All(differences, difference => Assert.True(difference.Agrees, $"{difference}"));
    }

    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_key_of_a_config_is_known(string folder)
    {
        var warnings = new List<string>();
        using var loaded = LoadedModel.Open(GoldenFiles.Shared("goldens", "models", folder), new LoadOptions { Threads = 1 }, warnings.Add);
        Assert.Empty(warnings);
    }
}
