using Counterweight.Balancing.Loads;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class CalibrateVerbTests
{
    private static readonly string[] Texts =
        [.. new[] { "code", "fiction" }.Select(name => Path.Combine(GoldenFiles.ProjectRoot, "texts", "calibration", $"{name}.txt"))];

    [Fact]
    public async Task Records_every_choice_of_every_token()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        string[] command = ["calibrate", model.Folder, "--text", .. Texts, "--calibration-tokens", "2048", "-o"];
        (await CliResult.Of([.. command, folder["loads.json"], "--json", folder["c.json"]])).Done();

        var loads = LoadsFile.Read(folder["loads.json"]);
        Assert.Equal(["code", "fiction", "code", "fiction"], loads.Traces.Select(trace => trace.Name));
        var figures = folder.Json("c.json");
        var tokens = figures.GetProperty("calibrationTokens").GetInt64();
        Assert.InRange(tokens, 1900, 2048);
        var prefill = ExpertLoads.Sum([.. loads.Traces.Where(trace => trace.Phase == LoadPhase.Prefill).Select(trace => trace.Total)]);
        for (var l = 0; l < TinyModel.Layers; l++)
        {
            Assert.Equal(tokens * TinyModel.TopK, prefill[l].ToArray().Sum());
            var layer = figures.GetProperty("phases")[0].GetProperty("layers")[l];
            var most = prefill[l].ToArray().Max();
            Assert.Equal(most, prefill[l][layer.GetProperty("heavyHitter").GetInt32()]);
            Assert.Equal((double)most * TinyModel.Experts / (tokens * TinyModel.TopK), layer.GetProperty("lis").GetDouble(), 12);
        }

        (await CliResult.Of([.. command, folder["again.json"]])).Done();
        Assert.Equal(File.ReadAllBytes(folder["loads.json"]), File.ReadAllBytes(folder["again.json"]));
    }

    [Fact]
    public async Task The_model_can_write_the_text_itself()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await CliResult.Of("calibrate", model.Folder, "--self", "1024", "-o", folder["loads.json"])).Done();
        Assert.All(LoadsFile.Read(folder["loads.json"]).Traces, trace => Assert.Equal("self", trace.Name));
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_and_writes_nothing()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var file = folder.Write("text.txt", "Some text.");
        Directory.CreateDirectory(folder["sub"]);
        File.Copy(file, folder["sub/text.txt"]);
        (await CliResult.Of("calibrate", model.Folder, "--text", file, folder["sub/text.txt"], "-o", folder["loads.json"])).Refused(2, "--text: found two files named text");
        (await CliResult.Of("calibrate", model.Folder, "--text", file, "-o", folder["no/loads.json"])).Refused(1, folder["no/loads.json"]);
        (await CliResult.Of("calibrate", model.Folder, "--text", file, "-o", folder["loads.json"], "--json", folder.Root)).Refused(1, folder.Root, "a folder");
        (await CliResult.Of("calibrate", model.Folder, "--text", folder["none.txt"], "-o", folder["loads.json"])).Refused(1, folder["none.txt"], "no file");
        (await CliResult.Of("calibrate", model.Folder, "--text", file, "--calibration-tokens", "9", "-o", folder["loads.json"])).Refused(2, "--calibration-tokens: found 9");
        Assert.Equal(["sub", "sub/text.txt", "text.txt"], folder.Entries);
    }
}
