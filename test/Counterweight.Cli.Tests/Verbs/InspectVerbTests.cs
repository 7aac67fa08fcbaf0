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
}
