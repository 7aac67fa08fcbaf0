using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Cli.Tests.Verbs;

/// <summary>What <c>balance</c> writes, and what the other verbs make of it.</summary>
public sealed class BalancedPocketTests(BalancedPocket balanced) : IClassFixture<BalancedPocket>
{
    [Fact]
    public void Writes_its_files_and_prints_the_table_alone()
    {
        balanced.Result.Done();
        Assert.Contains("device imbalance (8), least loaded", balanced.Result.Output);
        Assert.DoesNotContain("\u001b", balanced.Result.Output);
        Assert.DoesNotContain("Calibrating", balanced.Result.Output);
        Assert.Equal(
            [".counterweight-files", "config.json", "loads.json", "model.safetensors", "plan.json", "report.html", "report.json", "tokenizer.json", "tokenizer_config.json"],
            Directory.EnumerateFiles(balanced.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["out", "report.json"], Directory.EnumerateFileSystemEntries(balanced.Parent).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_report_keeps_what_the_job_promises()
    {
        var (report, plan) = (balanced.Report, PlanFile.Read(Path.Combine(balanced.Folder, "plan.json")));
        Assert.True(report.After.ExpertBytes <= report.Before.ExpertBytes);
        Assert.Equal(plan.Budget.PlannedBytes, report.After.ExpertBytes);
        Assert.True(report.Change.StragglerRatio > 1.5);
        Assert.InRange(report.Change.PerplexityRatio, 0.98, 1.02);
        Assert.Equal(4 * 10, report.After.Accuracy["minimal_pairs"].N);
        Assert.Equal(plan.Layers.Select(layer => layer.Slots.Count), report.Detail.Slots.Select(slots => slots.Length));
        Assert.Equal(plan.Model, LoadsFile.Read(Path.Combine(balanced.Folder, "loads.json")).Model with { MoeLayers = plan.Model.MoeLayers });
        using var json = File.OpenRead(Path.Combine(balanced.Parent, "report.json"));
        Assert.Equal(report.After.Perplexity, BalanceReportJson.Read(json, "--json").After.Perplexity);
    }

    [Fact]
    public async Task The_saved_model_scores_the_very_same()
    {
        using var folder = new TemporaryFolder();
        (await CliResult.Of(["evaluate", balanced.Folder, "--text", .. BalancedPocket.EvaluationTexts, "--eval-tokens", "400", "--json", folder["e.json"]])).Done();
        Assert.Equal(balanced.Report.After.Perplexity, folder.Json("e.json").GetProperty("perplexity").GetDouble());

        (await CliResult.Of("inspect", balanced.Folder, "--json", folder["i.json"])).Done();
        var figures = folder.Json("i.json");
        Assert.Equal(balanced.Report.After.ExpertBytes, figures.GetProperty("expertBytes").GetInt64());
        Assert.Equal(balanced.Report.Detail.Slots.Select(slots => slots.Length),
            figures.GetProperty("plan").GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("slots").GetInt32()));

        (await CliResult.Of("inspect", Path.Combine(balanced.Folder, "plan.json"), "--json", folder["p.json"])).Done();
        Assert.Equal(figures.GetProperty("plan").GetRawText().Replace(" ", ""), folder.Json("p.json").GetRawText().Replace(" ", ""));
    }

    [Fact]
    public async Task Applying_the_plan_with_the_same_text_gives_the_same_checkpoint()
    {
        using var folder = new TemporaryFolder();
        var plan = Path.Combine(balanced.Folder, "plan.json");
        (await CliResult.Of("apply", BalancedPocket.Model, plan, "--calibration-tokens", "4096", "-o", folder["balanced"])).Done();
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(balanced.Folder, "model.safetensors")), File.ReadAllBytes(folder["balanced/model.safetensors"]));
        Assert.Equal(File.ReadAllBytes(plan), File.ReadAllBytes(folder["balanced/plan.json"]));
        (await CliResult.Of("apply", folder["balanced"], plan, "-o", folder["again"])).Refused(1, folder["balanced"], "a balanced checkpoint");
        Assert.False(Directory.Exists(folder["again"]));
    }

    [Fact]
    public async Task The_report_renders_again()
    {
        using var folder = new TemporaryFolder();
        var result = (await CliResult.Of("report", Path.Combine(balanced.Folder, "report.json"), "-o", folder["r.html"])).Done();
        Assert.Equal(File.ReadAllBytes(Path.Combine(balanced.Folder, "report.html")), File.ReadAllBytes(folder["r.html"]));
        Assert.Contains("LIS, worst layer", result.Output);
    }
}
