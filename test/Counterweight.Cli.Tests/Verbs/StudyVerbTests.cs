using System.Text.Json;
using System.Xml.Linq;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class StudyVerbTests
{
    [Fact]
    public async Task Two_runs_give_the_same_results_and_an_interrupted_one_goes_on()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await Study(model, folder["a"], "batch-size", "grid")).Done();
        // What an interrupted run leaves: the studies that were done, whole.
        (await Study(model, folder["b"], "batch-size")).Done();
        var first = File.GetLastWriteTimeUtc(folder["b/batch-size/results.json"]);
        var rest = (await Study(model, folder["b"], "batch-size", "grid")).Done();
        Assert.Contains("there already", rest.Output);
        Assert.Equal(first, File.GetLastWriteTimeUtc(folder["b/batch-size/results.json"]));
        foreach (var study in new[] { "batch-size", "grid" })
            Assert.Equal(File.ReadAllText(folder[$"a/{study}/results.json"]), File.ReadAllText(folder[$"b/{study}/results.json"]));

        CheckGrid(folder.Json("a/grid/results.json").GetProperty("tables"));
        var report = XDocument.Parse(File.ReadAllText(folder["a/report.html"]).Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        Assert.Equal(["batch-size", "grid"], report.Descendants("section").Select(section => section.Attribute("id")!.Value));
        foreach (var figure in report.Descendants("figure"))
            Assert.Contains("counterweight study", figure.Descendants("code").Single().Value);
        foreach (var link in report.Descendants("main").Descendants("a").Select(link => link.Attribute("href")!.Value).Where(link => !link.EndsWith(".png", StringComparison.Ordinal)))
            Assert.True(File.Exists(folder[$"a/{link}"]), link);
    }

    [Fact]
    public async Task Streams_and_splits_repeat_and_keep_their_invariants()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        string[] arguments = ["streaming", "splits", "--eval-text", Text("evaluation", "fiction"), Text("evaluation", "code")];
        foreach (var run in new[] { "a", "b" })
            (await Study(model, folder[run], arguments)).Done();
        foreach (var study in new[] { "streaming", "splits" })
            Assert.Equal(File.ReadAllText(folder[$"a/{study}/results.json"]), File.ReadAllText(folder[$"b/{study}/results.json"]));
        CheckStreams(folder.Json("a/streaming/results.json").GetProperty("tables"));
        foreach (var policy in Rows(folder.Json("a/splits/results.json").GetProperty("tables"), "splits").GroupBy(row => Text(row, "policy")))
        {
            Assert.Single(policy.Select(row => Number(row, "expertBytes")).Distinct());
            Assert.All(policy, row => Assert.InRange(Number(row, "bytesRatio"), 0.1, 1));
            var imbalance = policy.ToDictionary(row => Text(row, "split"), row => Number(row, "deviceImbalance"));
            Assert.Equal(["by-gate", "even", "least-loaded", "least-loaded-by-gate"], imbalance.Keys.Order());
            Assert.True(imbalance["least-loaded"] <= imbalance["even"] && imbalance["least-loaded"] >= 1);
        }
    }

    private static void CheckStreams(JsonElement tables)
    {
        foreach (var stream in Rows(tables, "controllers").GroupBy(row => (Text(row, "phase"), Number(row, "windows"), Text(row, "stream"))))
        {
            var byName = stream.ToDictionary(row => Text(row, "controller"));
            Assert.Equal(["ema", "hysteresis", "late-oracle", "long-term", "none", "oracle", "short-term"], byName.Keys.Order());
            Assert.Equal(0, Number(byName["none"], "bytesMoved"));
            Assert.Equal(1, Number(byName["oracle"], "ofOracle"));
            Assert.True(Number(byName["hysteresis"], "bytesMoved") < Number(byName["short-term"], "bytesMoved"));
            foreach (var segments in Rows(tables, "segments").Where(row => Number(stream.First(), "windows") == 12 && (Text(row, "phase"), Text(row, "stream")) == (stream.Key.Item1, stream.Key.Item3)).GroupBy(row => Text(row, "controller")))
            {
                Assert.Equal(10, segments.Count());
                Assert.Equal(Number(byName[segments.Key], "bytesMoved"), segments.Sum(row => Number(row, "bytesMoved")));
                Assert.Equal(Number(byName[segments.Key], "imbalanceEven"), segments.Average(row => Number(row, "imbalanceEven")), 12);
            }
        }
        Assert.All(Rows(tables, "quality"), row => Assert.InRange(Number(row, "ratio"), 0.9, 1.1));
    }

    private static IEnumerable<JsonElement> Rows(JsonElement tables, string table) => tables.GetProperty(table).GetProperty("rows").EnumerateArray();

    private static double Number(JsonElement row, string column) => row.GetProperty(column).GetDouble();

    private static string Text(JsonElement row, string column) => row.GetProperty(column).GetString()!;

    private static void CheckGrid(JsonElement tables)
    {
        var policies = tables.GetProperty("policies").GetProperty("rows").EnumerateArray().ToDictionary(row => row.GetProperty("policy").GetString()!);
        Assert.Equal(1, policies["raw"].GetProperty("straggler").GetDouble());
        Assert.Equal(TinyModel.Layers * TinyModel.Experts, policies["raw"].GetProperty("slots").GetInt32());
        // Copies in the checkpoint's own precision change no bit of the outputs.
        Assert.Equal(0, policies["replicate only"].GetProperty("lossRise").GetDouble());
        Assert.Equal(TinyModel.Layers * (TinyModel.Experts + 1), policies["replicate only"].GetProperty("slots").GetInt32());
        Assert.Equal(1 + 1.0 / TinyModel.Experts, policies["replicate only"].GetProperty("bytesRatio").GetDouble(), 12);
        Assert.All(policies.Where(policy => policy.Key != "replicate only"), policy => Assert.InRange(policy.Value.GetProperty("bytesRatio").GetDouble(), 0.1, 1));
        Assert.All(tables.GetProperty("traffic").GetProperty("rows").EnumerateArray(), row => Assert.True(row.GetProperty("lis").GetDouble() >= 1));
    }

    [Fact]
    public async Task Wrong_use_is_refused_before_anything_is_written()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var unknown = await Study(model, folder["out"], "no-such-study");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Matches("no-such-study.*batch-size", unknown.Error);
        (await Study(model, folder["out"], "grid", "--tasks", "no_such_task")).Refused(2, "no_such_task");
        (await Study(model, folder["out"], "grid", "--eval-text", Text("calibration", "fiction"))).Refused(1, "the same text as calibration file");
        Assert.Empty(folder.Entries);
    }

    private static Task<CliResult> Study(TinyModel model, string output, params string[] arguments)
    {
        string[] evaluation = arguments.Contains("--eval-text") ? [] : ["--eval-text", Text("evaluation", "fiction")];
        return CliResult.Of(["study", model.Folder, .. arguments, "--text", Text("calibration", "fiction"), .. evaluation, "--quick", "--limit", "2", "--out", output]);
    }

    private static string Text(string folder, string domain) => Path.Combine(GoldenFiles.ProjectRoot, "texts", folder, $"{domain}.txt");
}
