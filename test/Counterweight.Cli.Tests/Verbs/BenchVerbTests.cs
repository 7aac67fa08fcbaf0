namespace Counterweight.Cli.Tests.Verbs;

public sealed class BenchVerbTests
{
    [Fact]
    public async Task Times_what_is_asked_for()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of(
            "bench", model.Folder, "--prompt-tokens", "16", "64", "--batch", "1", "4", "--tokens", "8", "--runs", "3", "--threads", "1", "--json", folder["b.json"])).Done();
        Assert.Contains("1 threads", result.Output);

        var rows = folder.Json("b.json").GetProperty("tokensPerSecond").EnumerateArray().ToArray();
        Assert.Equal(
            [("prefill", 1, 16), ("prefill", 1, 64), ("decode", 1, 8), ("decode", 4, 8)],
            rows.Select(row => (row.GetProperty("phase").GetString()!, row.GetProperty("batch").GetInt32(), row.GetProperty("tokens").GetInt32())));
        Assert.All(rows, row => Assert.True(
            0 < Speed(row, "min") && Speed(row, "min") <= Speed(row, "median") && Speed(row, "median") <= Speed(row, "max")));

        static double Speed(System.Text.Json.JsonElement row, string name) => row.GetProperty(name).GetDouble();
    }

    [Fact]
    public async Task Prompts_beyond_the_model_are_refused()
    {
        using var model = new TinyModel();
        (await CliResult.Of("bench", model.Folder, "--prompt-tokens", "256")).Refused(2, "--prompt-tokens: found 256, expected at most 255 for this model");
    }
}
