using Counterweight.Evaluation.Reports;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class BalanceVerbTests
{
    private static readonly string CalibrationText = Path.Combine(GoldenFiles.ProjectRoot, "texts", "calibration", "fiction.txt");
    private static readonly string EvaluationText = Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation", "fiction.txt");

    [Fact]
    public async Task The_same_seed_gives_the_same_report_and_files()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await Balance(model, folder["a"])).Done();
        (await Balance(model, folder["b"])).Done();
        Assert.Equal(WithoutTimings(folder["a"], "b"), WithoutTimings(folder["b"], "b"));
        foreach (var file in new[] { "model.safetensors", "plan.json", "loads.json" })
            Assert.Equal(File.ReadAllBytes(folder[$"a/{file}"]), File.ReadAllBytes(folder[$"b/{file}"]));

        (await Balance(model, folder["c"], "--seed", "2")).Done();
        Assert.NotEqual(WithoutTimings(folder["a"], "c"), WithoutTimings(folder["c"], "c"));
    }

    [Fact]
    public async Task Full_precision_replicas_change_nothing()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        (await Balance(model, folder["out"], "--policy", "paper", "--precisions", "bf16", "--policy-option", "replicas=2", "--budget", "1.0625")).Done();
        var report = Read(folder["out"]);
        Assert.All(report.Detail.Slots, slots => Assert.Equal(TinyModel.Experts + 2, slots.Length));
        Assert.Equal(1.0, report.Change.PerplexityRatio);
        Assert.Equal(report.Before.Perplexity, report.After.Perplexity);
        Assert.Equal(1.0625, report.Change.ExpertBytesRatio);
    }

    [Fact]
    public async Task An_earlier_result_is_replaced_and_a_foreign_folder_is_not()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["out"]);
        folder.Write("out/letter.txt", "mine");
        (await Balance(model, folder["out"])).Refused(1, folder["out"], "letter.txt");
        Assert.Equal(["out", "out/letter.txt"], folder.Entries);

        File.Delete(folder["out/letter.txt"]);
        (await Balance(model, folder["out"])).Done();
        (await Balance(model, folder["out"], "--policy", "none")).Done();
        Assert.Equal("none", Read(folder["out"]).Policy);
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Root).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(2, "--policy", "best", "best")]
    [InlineData(2, "--split", "odd", "odd")]
    [InlineData(2, "--precisions", "int3", "--precisions: found \"int3\"")]
    [InlineData(2, "--tasks", "no_such_task", "--tasks: found \"no_such_task\"")]
    [InlineData(2, "--policy-option", "replicas", "--policy-option: found \"replicas\"")]
    [InlineData(1, "--policy-option", "replicas=2", "policy budget: found unknown option \"replicas\"")]
    [InlineData(2, "--devices", "0", "--devices: found 0")]
    [InlineData(2, "--eval-tokens", "0", "--eval-tokens: found 0")]
    [InlineData(2, "--calibration-tokens", "12", "--calibration-tokens: found 12")]
    [InlineData(1, "--budget", "0.2", "budget")]
    public async Task Wrong_options_are_refused_before_anything_is_written(int exitCode, string option, string value, string message)
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var result = await Balance(model, folder["out"], option, value);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal("", result.Output);
        Assert.Contains(message, result.Error.Split('\n')[0]);
        Assert.Empty(folder.Entries);
    }

    [Fact]
    public async Task Evaluation_text_must_not_be_calibration_text()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var copy = folder.Write("copy.txt", File.ReadAllText(CalibrationText));
        (await Balance(model, folder["out"], "--eval-text", copy)).Refused(1, copy, "the same text as calibration file", CalibrationText);
        Assert.Equal(["copy.txt"], folder.Entries);
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_is_refused_before_work_starts()
    {
        using var model = new TinyModel();
        using var folder = new TemporaryFolder();
        var file = folder.Write("file", "");
        (await Balance(model, Path.Combine(file, "out"))).Refused(1, Path.Combine(file, "out"));
        (await Balance(model, folder["out"], "--json", Path.Combine(file, "r.json"))).Refused(1, Path.Combine(file, "r.json"));
        Assert.Equal(["file"], folder.Entries);
    }

    private static Task<CliResult> Balance(TinyModel model, string output, params string[] options)
    {
        string[][] defaults = [["--calibration-tokens", "1024"], ["--eval-text", EvaluationText], ["--eval-tokens", "200"], ["--limit", "2"]];
        return CliResult.Of([
            "balance", model.Folder, "--text", CalibrationText, "--out", output, .. options,
            .. defaults.Where(option => !options.Contains(option[0])).SelectMany(option => option)]);
    }

    private static BalanceReport Read(string folder)
    {
        using var stream = File.OpenRead(Path.Combine(folder, "report.json"));
        return BalanceReportJson.Read(stream, folder);
    }

    /// <summary>The report as text, under another output folder's name: the command line names it.</summary>
    private static string WithoutTimings(string folder, string name)
    {
        using var text = new MemoryStream();
        BalanceReportJson.Write(Read(folder).WithoutTimings(), text);
        return System.Text.Encoding.UTF8.GetString(text.ToArray()).Replace(folder, Path.Combine(Path.GetDirectoryName(folder)!, name), StringComparison.Ordinal);
    }
}
