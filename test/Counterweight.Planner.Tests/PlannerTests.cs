using System.CommandLine;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Counterweight.Tests;

namespace Counterweight.Planner.Tests;

public sealed class PlannerTests : IDisposable
{
    private const string ModelConfig = """
        {"model_type": "deepseek_v3", "num_hidden_layers": 61, "n_routed_experts": 256, "num_experts_per_tok": 8, "first_k_dense_replace": 3,
         "moe_layer_freq": 1, "n_group": 8, "hidden_size": 7168, "moe_intermediate_size": 2048, "num_nextn_predict_layers": 1,
         "quantization_config": {"quant_method": "fp8"}}
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();
    private readonly string _config;

    public PlannerTests() => File.WriteAllText(_config = At("config.json"), ModelConfig);

    public void Dispose() => _folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private static string Trace(string name) => GoldenFiles.Shared("data", "traces", "deepseek-v3", name + ".csv");

    private static (int ExitCode, string Output) Run(params string[] args)
    {
        var root = new RootCommand();
        PlannerVerbs.AddTo(root);
        using var output = new StringWriter();
        var parsed = root.Parse(args);
        Assert.Empty(parsed.Errors);
        return (parsed.Invoke(new InvocationConfiguration { Output = output }), output.ToString());
    }

    private string Plan(params string[] options)
    {
        var plan = At($"plan{options.Length}.json");
        var (exitCode, _) = Run(["plan", "--loads", Trace("prefill_in4096"), Trace("decode_in2000out100"), "--config", _config,
            "--devices", "32",
            "--iterations", "4000", "-o", plan, .. options]);
        Assert.Equal(0, exitCode);
        return plan;
    }

    [Theory]
    [InlineData("sglang")]
    [InlineData("vllm")]
    [InlineData("tensorrt-llm")]
    [InlineData("vllm-ascend")]
    [InlineData("omni-infer")]
    public void A_dump_becomes_a_plan_that_scores_alike_in_every_engines_format(string engine)
    {
        var plan = Plan();
        var exported = At("engine");
        Assert.Equal(0, Run("export", plan, "--engine", engine, "--config", _config, "-o", exported).ExitCode);
        string[] loads = ["--loads", Trace("prefill_in1024")];
        var own = Run(["score", "--plan", plan, .. loads]).Output;
        Assert.Equal(own, Run(["score", "--plan", exported, "--devices", "32", "--config", _config, .. loads]).Output);
        Assert.Contains("0 experts moved in 0 of 58 layers", Run("diff", plan, exported, "--devices", "32", "--config", _config).Output);
    }

    [Fact]
    public void Equal_arguments_give_equal_files()
    {
        var first = File.ReadAllText(Plan());
        File.Delete(At("plan0.json"));
        Assert.Equal(first, File.ReadAllText(Plan()));
    }

    [Fact]
    public void A_budget_of_the_models_own_bytes_is_kept_and_its_layers_exported()
    {
        var figures = At("figures.json");
        var plan = Plan("--budget", "1.0", "--json", figures);
        using var json = JsonDocument.Parse(File.ReadAllText(figures));
        Assert.InRange(json.RootElement.GetProperty("expertBytesRatio").GetDouble(), 0.9, 1.0);
        Assert.InRange(json.RootElement.GetProperty("distortion").GetDouble(), 1e-5, 0.003);
        Assert.Equal(0, Run("export", plan, "--quantization", "compressed-tensors", "-o", At("quantization.json")).ExitCode);
        Assert.Contains("config_groups", File.ReadAllText(At("quantization.json")));
        Assert.Equal(1, Run("export", plan, "--quantization", "modelopt", "-o", At("refused.json")).ExitCode);
        Assert.False(File.Exists(At("refused.json")));
    }

    [Fact]
    public void Moves_from_a_served_plan_are_listed_with_bytes_over_each_link()
    {
        var (before, after) = (Plan(), Plan("--seed", "2"));
        var (_, text) = Run("diff", before, after, "--devices-per-node", "8", "--config", _config, "--moves", "--json", At("diff.json"));
        using var json = JsonDocument.Parse(File.ReadAllText(At("diff.json")));
        var moved = json.RootElement.GetProperty("expertsMoved").GetInt32();
        Assert.True(moved > 1000);
        Assert.Equal(moved, Regex.Count(text, "^layer ", RegexOptions.Multiline));
        Assert.Equal(moved, new[] { "sameDevice", "sameNode", "otherNode" }.Sum(link =>
            json.RootElement.GetProperty(link).GetProperty("experts").GetInt32()));
    }

    [Fact]
    public void A_target_that_is_missed_fails_the_command()
    {
        var plan = Plan();
        Assert.Equal(0, Run("score", "--plan", plan, "--loads", Trace("prefill_in4096"), "--require", "1.1").ExitCode);
        Assert.Equal(1, Run("score", "--plan", plan, "--loads", Trace("prefill_in4096"), "--require", "1.000001").ExitCode);
    }

    [Fact]
    public void The_report_is_one_file_with_pictures_of_all_layers_devices_and_traces()
    {
        var report = At("report.html");
        Plan("--html", report);
        var html = File.ReadAllText(report);
        var pictures = Regex.Matches(html, "<svg.*?</svg>", RegexOptions.Singleline).Select(match => XElement.Parse(match.Value)).ToArray();
        Assert.Equal(4, pictures.Length);
        Assert.Equal(58 * 2 + 2, pictures[0].Elements("rect").Count());
        Assert.Equal(3 * 2, pictures[1].Elements("rect").Count());
        Assert.Equal(58 * 32 + 100, pictures[2].Elements("rect").Count());
        Assert.DoesNotContain("http", html);
        Assert.DoesNotContain("NaN", html);
    }

    [Fact]
    public void What_an_engine_would_choke_on_is_one_sentence_on_stderr()
    {
        File.WriteAllText(At("doubled.json"), "[[0,0,1,1]]");
        using var error = new StringWriter();
        var root = new RootCommand();
        PlannerVerbs.AddTo(root);
        int Export(string engine) => root.Parse(["export", At("doubled.json"), "--devices", "2", "--engine", engine, "-o", At("out")])
            .Invoke(new InvocationConfiguration { Output = TextWriter.Null, Error = error });
        Assert.Equal(1, Export("vllm-ascend"));
        Assert.Equal("plan: found Layer 0 has expert 0 twice on device 0: the second copy would shadow the first and shift all slots after it, " +
            "expected a plan that vllm-ascend can load", error.ToString().TrimEnd());
        Assert.False(File.Exists(At("out")));
        Assert.Equal(0, Export("sglang"));
        Assert.Contains("warning: Layer 0 has expert 0 twice on device 0", error.ToString());
    }

    [Fact]
    public void Counts_are_exported_for_ktransformers_and_described()
    {
        Assert.Equal(0, Run("export", "--engine", "ktransformers", "--loads", Trace("prefill_in4096"), "--config", _config, "-o",
            At("counts.pt")).ExitCode);
        Assert.StartsWith("counts (mixed): 1 windows, 58 MoE layers (3 to 60) of 256 experts", Run("inspect", At("counts.pt")).Output);
    }

    [Theory]
    [InlineData(1, "plan", "--loads", "missing.csv", "--devices", "2")]
    [InlineData(2, "plan", "--loads", "missing.csv", "--devices", "2", "--budget", "1", "--redundant", "1", "--target", "1.1")]
    [InlineData(1, "inspect", "missing.csv")]
    [InlineData(2, "export", "plan.json", "-o", "x")]
    public void Mistakes_have_exit_codes(int exitCode, params string[] args)
    {
        if (exitCode == 2 && args[0] == "plan")
            args[2] = Trace("prefill_in4096");
        Assert.Equal(exitCode, Run(args).ExitCode);
    }
}
