using System.Diagnostics;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

/// <summary>The built program as a process of its own.</summary>
public sealed class InterruptTests
{
    [Fact]
    public async Task Ctrl_C_ends_balance_without_a_trace()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        using var folder = new TemporaryFolder();
        using var process = Start("balance", BalancedPocket.Model, "--out", folder["out"], "--json", folder["r.json"]);
        // Well after start-up, well before the end.
        while (process.TotalProcessorTime < TimeSpan.FromSeconds(2))
            await Task.Delay(50);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
            await kill.WaitForExitAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal("counterweight: cancelled\n", await process.StandardError.ReadToEndAsync());
        Assert.Equal("", await process.StandardOutput.ReadToEndAsync());
        Assert.Equal(130, process.ExitCode);
        Assert.Empty(folder.Entries);
    }

    [Theory]
    [InlineData("-INT", 130)]
    [InlineData("-KILL", 137)]
    public async Task A_killed_evaluation_goes_on_to_the_same_results(string signal, int exitCode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        using var folder = new TemporaryFolder();
        string[] command = ["evaluate", BalancedPocket.Model, "--tasks", LongTask(folder)];
        using (var whole = Start([.. command, "--out", folder["whole"]]))
            await whole.WaitForExitAsync();
        using (var process = Start([.. command, "--out", folder["killed"]]))
        {
            while (!process.HasExited && !(File.Exists(folder["killed/samples.jsonl"]) && new FileInfo(folder["killed/samples.jsonl"]).Length > 0))
                await Task.Delay(5);
            using (var kill = Process.Start("kill", [signal, $"{process.Id}"]))
                await kill.WaitForExitAsync();
            await process.WaitForExitAsync();
            Assert.Equal(exitCode, process.ExitCode);
        }
        var done = File.ReadLines(folder["killed/samples.jsonl"]).Count();
        Assert.InRange(done, 1, File.ReadLines(folder["whole/samples.jsonl"]).Count() - 1);
        using (var rest = Start([.. command, "--out", folder["killed"]]))
        {
            await rest.WaitForExitAsync();
            Assert.Equal(0, rest.ExitCode);
        }
        Assert.Equal(File.ReadAllText(folder["whole/samples.jsonl"]), File.ReadAllText(folder["killed/samples.jsonl"]));
        Assert.Equal(Results(folder["whole"]), Results(folder["killed"]));
    }

    /// <summary>Some seconds of work, so that the signal comes well before the end.</summary>
    private static string LongTask(TemporaryFolder folder)
    {
        File.WriteAllLines(folder["sums.jsonl"], Enumerable.Range(0, 12000).Select(i => $$"""{"a": "{{i}}", "b": "{{i * 7 % 1000}}", "choices": ["{{i + i * 7 % 1000}}", "{{i + 3}}"], "gold": 0}"""));
        File.WriteAllText(folder["sums.json"], """{"task": "sums", "file": "sums.jsonl", "context": "The sum of {a} and {b} is written in numbers as follows, as every child can tell:"}""");
        return folder["sums.json"];
    }

    private static string Results(string folder) => File.ReadAllText(Assert.Single(Directory.GetFiles(folder, "results_*.csv")));

    [Fact]
    public async Task The_environment_chooses_kernels_and_wrong_ones_are_refused()
    {
        var golden = GoldenFiles.Shared("goldens", "models", "qwen3_moe", "golden.safetensors");
        using var folder = new TemporaryFolder();
        using (var portable = StartWith("portable", "verify", Path.GetDirectoryName(golden)!, "--golden", golden, "--json", folder["v.json"]))
        {
            await portable.WaitForExitAsync();
            Assert.Equal(0, portable.ExitCode);
            Assert.Equal("portable", folder.Json("v.json").GetProperty("kernels").GetString());
        }
        using var wrong = StartWith("sse2", "verify", Path.GetDirectoryName(golden)!, "--golden", golden);
        await wrong.WaitForExitAsync();
        Assert.Equal(1, wrong.ExitCode);
        Assert.StartsWith("counterweight: COUNTERWEIGHT_KERNELS: found \"sse2\", expected one of", await wrong.StandardError.ReadToEndAsync());
    }

    private static Process Start(params string[] arguments) => StartWith(null, arguments);

    private static Process StartWith(string? kernels, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "counterweight.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["COUNTERWEIGHT_KERNELS"] = kernels;
        return Process.Start(start)!;
    }
}
