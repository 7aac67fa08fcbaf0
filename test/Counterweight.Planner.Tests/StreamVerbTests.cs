using System.CommandLine;
using System.Text.Json;
using System.Xml.Linq;
using Counterweight.Tests;

namespace Counterweight.Planner.Tests;

public sealed class StreamVerbTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    private string At(string name) => Path.Combine(_folder.FullName, name);

    private static (int ExitCode, string Output, string Error) Run(params string[] args)
    {
        var root = new RootCommand();
        PlannerVerbs.AddTo(root);
        using StringWriter output = new(), error = new();
        var exitCode = root.Parse(args).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    // Three kinds of traffic over two layers of 16 experts, each with hot experts of its own.
    private string[] Loads() => [.. Enumerable.Range(0, 3).Select(kind =>
    {
        var path = At($"kind{kind}.csv");
        File.WriteAllLines(path, Enumerable.Range(0, 2).Select(layer =>
            string.Join(',', Enumerable.Range(0, 16).Select(e => 100 + 200 * ((e + 5 * kind + layer) % 16 / 13)))));
        return path;
    })];

    private string[] Arguments(params string[] more) => ["stream", "--loads", .. Loads(), "--dense-layers", "0", "--devices", "4", "--top-k", "2", "--unit-tokens", "2000", .. more];

    [Fact]
    public void Figures_are_printed_and_written_alike_and_equal_runs_write_equal_files()
    {
        var (exitCode, output, _) = Run(Arguments("--json", At("a.json"), "--html", At("a.html")));
        Assert.Equal(0, exitCode);
        Assert.Equal(0, Run(Arguments("--json", At("b.json"), "--html", At("b.html"))).ExitCode);
        Assert.Equal(File.ReadAllBytes(At("a.json")), File.ReadAllBytes(At("b.json")));
        Assert.Equal(File.ReadAllBytes(At("a.html")), File.ReadAllBytes(At("b.html")));
        using var json = JsonDocument.Parse(File.ReadAllText(At("a.json")));
        foreach (var stream in json.RootElement.GetProperty("streams").EnumerateArray())
        {
            var byName = stream.GetProperty("controllers").EnumerateArray().ToDictionary(run => run.GetProperty("name").GetString()!);
            Assert.Equal(7, byName.Count);
            Assert.All(byName.Values, run => Assert.Equal(10, run.GetProperty("segments").GetArrayLength()));
            double Even(string name) => byName[name].GetProperty("deviceImbalance").GetProperty("even").GetDouble();
            Assert.Contains(FormattableString.Invariant($"{Even("hysteresis"):F4}"), output);
            Assert.True(Even("hysteresis") <= 1.05 * Even("oracle") && Even("hysteresis") < Even("none"));
            Assert.True(byName["hysteresis"].GetProperty("expertsMoved").GetInt64() <= 0.2 * byName["short-term"].GetProperty("expertsMoved").GetInt64());
            Assert.Equal(0, byName["none"].GetProperty("expertsMoved").GetInt64());
        }
    }

    [Fact]
    public void The_page_is_well_formed_and_shows_each_stream()
    {
        Run(Arguments("--stream", "mixtures", "bursts", "--html", At("page.html")));
        var text = File.ReadAllText(At("page.html"));
        var page = XDocument.Parse(text.Replace("<!doctype html>", "", StringComparison.Ordinal).Replace("<meta charset=\"utf-8\">", "", StringComparison.Ordinal));
        Assert.Equal(2, page.Descendants("svg").Count());
        Assert.Equal(1 + 2 * 7, page.Descendants("tr").Count());
    }

    [Fact]
    public void A_stream_starts_from_a_given_plan()
    {
        Assert.Equal(0, Run(["plan", "--loads", .. Loads(), "--dense-layers", "0", "--devices", "4", "--iterations", "2000", "-o", At("plan.json")]).ExitCode);
        var (exitCode, output, _) = Run(Arguments("--plan", At("plan.json"), "--stream", "domains", "--controller", "hysteresis"));
        Assert.Equal(0, exitCode);
        Assert.Equal(4, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Recorded_real_traffic_keeps_what_the_controller_promises()
    {
        string[] traces = [.. new[] { "prefill_in4096", "decode_in2000out100", "prefill_in1024" }
            .Select(name => GoldenFiles.Shared("data", "traces", "deepseek-v3", name + ".csv"))];
        Assert.Equal(0, Run(["stream", "--loads", .. traces, "--top-k", "8", "--segments", "4", "--unit-tokens", "2048", "--stream", "adversarial",
            "--controller", "short-term", "hysteresis", "oracle", "--json", At("real.json")]).ExitCode);
        using var json = JsonDocument.Parse(File.ReadAllText(At("real.json")));
        var byName = json.RootElement.GetProperty("streams")[0].GetProperty("controllers").EnumerateArray().ToDictionary(run => run.GetProperty("name").GetString()!);
        double Even(string name) => byName[name].GetProperty("deviceImbalance").GetProperty("even").GetDouble();
        Assert.True(Even("hysteresis") <= 1.05 * Even("oracle"), $"{Even("hysteresis")} and {Even("oracle")}");
        Assert.True(byName["hysteresis"].GetProperty("expertsMoved").GetInt64() <= 0.2 * byName["short-term"].GetProperty("expertsMoved").GetInt64());
    }

    [Theory]
    [InlineData("half-life", "--half-life", "0")]
    [InlineData("release", "--release", "0.5")]
    [InlineData("interval", "--min-interval", "-5")]
    [InlineData("--window-seconds", "--window-seconds", "-1")]
    [InlineData("segments", "--segments", "0")]
    [InlineData("slots", "--redundant", "3")]
    public void Values_out_of_range_are_refused_by_name(string name, string option, string value)
    {
        var (exitCode, _, error) = Run(Arguments(option, value));
        Assert.NotEqual(0, exitCode);
        Assert.Contains(name, error);
    }
}
