using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class InspectVerbTests
{
    [Fact]
    public async Task Parameters_and_bytes_are_those_of_the_tensors()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of("inspect", model.Folder, "--json", folder["inspect.json"])).Done();
        Assert.Contains("32 in each MoE layer, top-4", result.Output);

        var sizes = TinyModel.Shapes().Select(entry => (entry.Name, Count: entry.Shape.Aggregate(1L, (product, size) => product * size))).ToArray();
        var figures = folder.Json("inspect.json");
        Assert.Equal(sizes.Sum(entry => entry.Count), figures.GetProperty("parameters").GetInt64());
        // Every token meets the first four experts as much as any other four.
        Assert.Equal(
            sizes.Where(entry => !entry.Name.Contains("experts.") || entry.Name.Split('.')[5] is "0" or "1" or "2" or "3").Sum(entry => entry.Count),
            figures.GetProperty("activeParameters").GetInt64());
        Assert.Equal(sizes.Where(entry => entry.Name.Contains("experts.")).Sum(entry => entry.Count) * 2, figures.GetProperty("expertBytes").GetInt64());
        Assert.Equal("bf16", figures.GetProperty("storedPrecision").GetString());
        Assert.Equal(3 * TinyModel.Hidden * TinyModel.Intermediate * 4, figures.GetProperty("bytesOfExpert").GetProperty("fp32").GetInt32());
        Assert.False(figures.TryGetProperty("plan", out _));
    }

    [Fact]
    public async Task Recorded_loads_are_described()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var text = Path.Combine(GoldenFiles.ProjectRoot, "texts", "calibration", "math.txt");
        (await CliResult.Of("calibrate", model.Folder, "--text", text, "--calibration-tokens", "1024", "-o", folder["loads.json"], "--json", folder["c.json"])).Done();
        (await CliResult.Of("inspect", folder["loads.json"], "--json", folder["l.json"])).Done();
        var prefill = folder.Json("l.json").GetProperty("traces")[0];
        Assert.Equal("prefill", prefill.GetProperty("phase").GetString());
        Assert.Equal(
            folder.Json("c.json").GetProperty("phases")[0].GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("lis").GetDouble()),
            prefill.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("lis").GetDouble()));
        (await CliResult.Of("inspect", folder.Write("none.json", "{}"))).Refused(1, folder["none.json"]);
    }

    [Fact]
    public async Task What_lower_precisions_free_is_told_in_replicas()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of("inspect", model.Folder, "--json", folder["i.json"])).Done();
        Assert.Contains("depends on the traffic", result.Output);
        var figures = folder.Json("i.json");
        Assert.False(figures.TryGetProperty("potential", out _));
        foreach (var freed in figures.GetProperty("freedBytes").EnumerateArray())
        {
            var copy = figures.GetProperty("bytesOfExpert").GetProperty(freed.GetProperty("precision").GetString()!).GetInt64();
            var original = figures.GetProperty("bytesOfExpert").GetProperty("bf16").GetInt64();
            Assert.Equal(TinyModel.Layers * TinyModel.Experts * (original - copy), freed.GetProperty("bytes").GetInt64());
            var replicas = freed.GetProperty("replicasPerLayer").GetInt32();
            Assert.InRange(original * TinyModel.Experts, copy * (TinyModel.Experts + replicas), copy * (TinyModel.Experts + replicas + 1) - 1);
        }
        Assert.Equal(["int8", "int4"], figures.GetProperty("freedBytes").EnumerateArray().Select(freed => freed.GetProperty("precision").GetString()));
    }

    [Fact]
    public async Task The_gain_on_a_text_is_that_on_its_recorded_loads_and_costs_no_bytes()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        string[] text = ["--text", Path.Combine(GoldenFiles.ProjectRoot, "texts", "calibration", "math.txt"), "--calibration-tokens", "1024"];
        (await CliResult.Of(["inspect", model.Folder, .. text, "--json", folder["text.json"]])).Done();
        (await CliResult.Of(["calibrate", model.Folder, .. text, "-o", folder["loads.json"], "--json", folder["c.json"]])).Done();
        // Prefill alone, as a text has it.
        var loads = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(folder["loads.json"]))!;
        loads["traces"]!.AsArray().RemoveAt(1);
        var result = (await CliResult.Of("inspect", model.Folder, "--loads", folder.Write("prefill.json", loads.ToJsonString()), "--json", folder["loads2.json"])).Done();
        Assert.Contains("at equal bytes, int8", result.Output);
        var potential = folder.Json("text.json").GetProperty("potential");
        Assert.Equal(potential.GetRawText(), folder.Json("loads2.json").GetProperty("potential").GetRawText());
        var measured = folder.Json("c.json").GetProperty("phases")[0].GetProperty("meanLis").GetDouble();
        Assert.Equal(measured, potential.GetProperty("lis").GetProperty("mean").GetDouble(), 1e-12);
        foreach (var forecast in potential.GetProperty("forecasts").EnumerateArray())
        {
            Assert.InRange(forecast.GetProperty("plannedBytes").GetInt64(), 1, folder.Json("text.json").GetProperty("expertBytes").GetInt64());
            Assert.InRange(forecast.GetProperty("forecast").GetProperty("lis").GetDouble(), 1, measured);
            Assert.True(forecast.GetProperty("forecast").GetProperty("stragglerRatio").GetDouble() > 1);
        }
    }

    [Fact]
    public async Task Loads_that_are_not_of_the_model_are_refused()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await CliResult.Of("inspect", model.Folder, "--loads", folder.Write("few.csv", "1,2,3\n4,5,6\n"))).Refused(1, folder["few.csv"], "32 experts");
        (await CliResult.Of("inspect", folder["few.csv"], "--loads", folder["few.csv"])).Refused(2, "--loads", "a model");
        (await CliResult.Of("inspect", model.Folder, "--loads", folder["few.csv"], "--self", "1024")).Refused(2, "--loads", "a text");
    }
}
