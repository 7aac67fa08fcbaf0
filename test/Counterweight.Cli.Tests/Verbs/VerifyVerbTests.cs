using Counterweight.Engine.Kernels;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class VerifyVerbTests
{
    private static readonly string PocketModel = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var folder in GoldenFiles.SharedEntries("qwen3_moe*", "goldens", "models").Append("pocket-moe"))
            foreach (var kernels in MatMulKernelFactory.Available)
                cases.Add(Path.GetFileName(folder), kernels);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Reference_outputs_agree(string model, string kernels)
    {
        var golden = GoldenFiles.Shared("goldens", "models", model, "golden.safetensors");
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of("verify", WeightsOf(model), "--golden", golden, "--kernels", kernels, "--json", folder["verify.json"])).Done();

        Assert.Contains("greedy_ids", result.Output);
        Assert.DoesNotContain("DIFFERS", result.Output);
        var figures = folder.Json("verify.json");
        Assert.Equal(kernels, figures.GetProperty("kernels").GetString());
        Assert.True(figures.GetProperty("agrees").GetBoolean());
        Assert.Contains(figures.GetProperty("tensors").EnumerateArray(), tensor =>
            tensor.GetProperty("tensor").GetString() == "logits" && tensor.GetProperty("largestDifference").GetDouble() is > 0 and < 1e-2);
    }

    [Fact]
    public async Task A_difference_beyond_the_tolerance_fails_and_is_named()
    {
        var golden = GoldenFiles.Shared("goldens", "models", "qwen3_moe", "golden.safetensors");
        var result = await CliResult.Of("verify", WeightsOf("qwen3_moe"), "--golden", golden, "--tolerance", "0");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("DIFFERS", result.Output);
        Assert.Contains($"{golden}: ", result.Error);
        Assert.Contains("expected at most 0", result.Error);
    }

    [Fact]
    public async Task Reference_outputs_of_another_model_are_refused()
    {
        var golden = GoldenFiles.Shared("goldens", "models", "pocket-moe", "golden.safetensors");
        (await CliResult.Of("verify", WeightsOf("qwen3_moe"), "--golden", golden)).Refused(1, golden, "input_ids", "token id");
    }

    [Fact]
    public async Task A_folder_of_models_gives_a_row_for_each()
    {
        var golden = GoldenFiles.Shared("goldens", "models");
        using var folder = new TemporaryFolder();
        foreach (var model in (string[])["mixtral", "switch_transformers_capacity"])
            Directory.CreateSymbolicLink(folder[model], Path.Combine(golden, model));
        var result = (await CliResult.Of("verify", folder.Root, "--json", folder["verify.json"])).Done();
        Assert.Contains("switch_transformers_capacity", result.Output);
        Assert.Equal(2, folder.Json("verify.json").GetProperty("folders").EnumerateArray().Count(row => row.GetProperty("agrees").GetBoolean()));
    }

    private static string WeightsOf(string model) => model == "pocket-moe" ? PocketModel : GoldenFiles.Shared("goldens", "models", model);
}
