using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Engine.Models;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

/// <summary>Broken files are refused in one line that says where, what was found and what was expected; nothing is written.</summary>
public sealed class BadInputTests : IDisposable
{
    private static readonly string Text = Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation", "math.txt");

    private readonly TinyModel _model = new();
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Verbs => ["inspect", "generate", "bench", "calibrate", "evaluate", "balance", "verify"];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task A_truncated_checkpoint(string verb)
    {
        var file = Path.Combine(_model.Folder, "model.safetensors");
        using (var stream = File.OpenWrite(file))
            stream.SetLength(stream.Length - 1000);
        await RefuseAsync(verb, file);
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task A_config_with_a_wrong_head_count(string verb)
    {
        File.WriteAllText(Path.Combine(_model.Folder, "config.json"), TinyModel.Config.Replace("\"num_attention_heads\":2", "\"num_attention_heads\":4"));
        await RefuseAsync(verb, "model.layers.0.self_attn.q_proj.weight", "found shape [64, 64], expected shape [128, 64]");
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("calibrate")]
    [InlineData("evaluate")]
    [InlineData("balance")]
    public async Task A_tokenizer_with_a_merge_of_unknown_tokens(string verb)
    {
        var file = Path.Combine(_model.Folder, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(file))!;
        tokenizer["model"]!["merges"]![100] = new JsonArray("no such", "token");
        File.WriteAllText(file, tokenizer.ToJsonString());
        await RefuseAsync(verb, file, "$.model.merges[100]: found 'no such', which isn't in the vocabulary");
    }

    [Theory]
    [InlineData("generate", "--plan")]
    [InlineData("bench", "--plan")]
    [InlineData("calibrate", "--plan")]
    [InlineData("evaluate", null)]
    [InlineData("apply", null)]
    public async Task A_plan_for_another_model(string verb, string? option)
    {
        using var other = new TinyModel(seed: 8);
        var plan = PlanOf(other);
        string[] options = option is null ? [plan] : [option, plan];
        var before = _folder.Entries.ToArray();
        (await CliResult.Of([verb, _model.Folder, .. options, .. Required(verb)])).Refused(1, $"{plan}: model.weightsHash");
        Assert.Equal(before, _folder.Entries);
    }

    [Fact]
    public async Task A_plan_whose_precision_the_engine_cannot_hold()
    {
        var plan = PlanOf(_model);
        File.WriteAllText(plan, File.ReadAllText(plan).Replace("\"bf16\"", "\"fp8\""));
        (await CliResult.Of("apply", _model.Folder, plan, "-o", _folder["out"])).Refused(1, $"{plan}: layers[0].slots[0].precision", "found fp8");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public async Task A_report_that_is_none()
    {
        var file = _folder.Write("report.json", "{\n  \"model\": 3\n}");
        (await CliResult.Of("report", file, "-o", _folder["r.html"])).Refused(1, $"{file}, line 2");
        (await CliResult.Of("report", _folder["none.json"], "-o", _folder["r.html"])).Refused(1, _folder["none.json"], "no such file");
        Assert.Equal(["report.json"], _folder.Entries);
    }

    [Theory]
    [InlineData("--kernels", "sse2")]
    [InlineData("--threads", "0")]
    [InlineData("--no-such-option", "1")]
    public async Task Wrong_use_is_told_with_a_hint(string option, string value)
    {
        var result = await CliResult.Of("bench", _model.Folder, option, value);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(value, result.Error);
        Assert.EndsWith("counterweight: --help lists what can be given\n", result.Error);
        Assert.Equal("", result.Output);
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private async Task RefuseAsync(string verb, params string[] words)
    {
        (await CliResult.Of([verb, _model.Folder, .. Required(verb)])).Refused(1, words);
        Assert.Empty(_folder.Entries);
    }

    /// <summary>What the verb cannot do without, and little work should it go on by mistake.</summary>
    private string[] Required(string verb) => verb switch
    {
        "generate" => ["--prompt", "The river", "--max-tokens", "2"],
        "verify" => ["--golden", GoldenFiles.Shared("goldens", "models", "qwen3_moe", "golden.safetensors")],
        "calibrate" => ["--text", Text, "-o", _folder["loads.json"]],
        "evaluate" => ["--text", Text, "--eval-tokens", "10"],
        "balance" or "apply" => ["--out", _folder["out"]],
        _ => [],
    };

    private string PlanOf(TinyModel model)
    {
        using var loaded = LoadedModel.Open(model.Folder);
        var loads = new ExpertLoads(TinyModel.Layers, TinyModel.Experts);
        loads[0][0] = loads[1][1] = 10;
        var plan = PlanPolicies.Create("none").Create(new PlanRequest
        {
            Model = loaded.Model.Fingerprint,
            Traces = [new LoadTrace("text", [loads])],
            Costs = loaded.Model.ExpertCosts,
        });
        AtomicFile.Write(_folder["plan.json"], stream => PlanFile.Write(plan, stream));
        return _folder["plan.json"];
    }
}
