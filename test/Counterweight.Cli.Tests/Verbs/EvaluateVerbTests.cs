using System.Text.Json.Nodes;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class EvaluateVerbTests
{
    private static readonly string Text = Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation", "math.txt");

    [Fact]
    public async Task Perplexity_and_tasks_come_with_their_errors()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of(
            "evaluate", model.Folder, "--text", Text, "--eval-tokens", "100", "--tasks", "minimal_pairs", "--limit", "3", "--json", folder["e.json"])).Done();
        Assert.Contains("perplexity", result.Output);
        var figures = folder.Json("e.json");
        Assert.Equal(figures.GetProperty("perplexity").GetDouble(), figures.GetProperty("perplexityByFile").GetProperty("math").GetProperty("perplexity").GetDouble());
        var accuracy = figures.GetProperty("accuracy").GetProperty("minimal_pairs");
        Assert.Equal(30, accuracy.GetProperty("n").GetInt32());
        var metric = figures.GetProperty("metrics").GetProperty("minimal_pairs").GetProperty("values").GetProperty("acc");
        Assert.Equal(accuracy.GetProperty("value").GetDouble(), metric.GetProperty("value").GetDouble());
        Assert.Equal(accuracy.GetProperty("stderr").GetDouble(), metric.GetProperty("stderr").GetDouble());
    }

    [Fact]
    public async Task An_interrupted_run_goes_on_and_another_run_is_refused()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        string[] command = ["evaluate", model.Folder, "--tasks", "minimal_pairs_word_order", "--limit", "6", "--out", folder["run"], "--json"];
        (await CliResult.Of([.. command, folder["whole.json"]])).Done();
        var samples = File.ReadAllLines(folder["run/samples.jsonl"]);
        Assert.Equal(6, samples.Length);
        File.WriteAllText(folder["run/samples.jsonl"], string.Join('\n', samples[..2]) + "\n" + samples[2][..20]);
        var results = Assert.Single(Directory.GetFiles(folder["run"], "results_*.json"));
        var written = File.ReadAllText(results);
        File.Delete(results);
        (await CliResult.Of([.. command, folder["resumed.json"]])).Done();
        Assert.Equal(WithoutTimings(folder["whole.json"]), WithoutTimings(folder["resumed.json"]));
        Assert.Equal(samples, File.ReadAllLines(folder["run/samples.jsonl"]));
        Assert.Equal(written, File.ReadAllText(results));

        (await CliResult.Of("evaluate", model.Folder, "--tasks", "minimal_pairs_word_order", "--limit", "5", "--out", folder["run"]))
            .Refused(1, folder["run/run.json"], "another run");
    }

    private static string WithoutTimings(string file)
    {
        var figures = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        Assert.True(figures.Remove("speed"));
        return figures.ToJsonString();
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await CliResult.Of("evaluate", model.Folder, "--tasks", "no_such_task")).Refused(2, "--tasks: found \"no_such_task\"");
        (await CliResult.Of("evaluate", model.Folder, "--tasks", "piqa", "--task-data", folder["data"])).Refused(1, "piqa", "nothing there");
        (await CliResult.Of("evaluate", model.Folder, "--text", folder["none.txt"])).Refused(1, folder["none.txt"], "no file");
        (await CliResult.Of("evaluate", model.Folder, "--text", Text, "--out", folder["run"])).Refused(2, "--out: found no tasks");
        Assert.Empty(folder.Entries);
    }
}
