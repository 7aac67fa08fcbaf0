using Counterweight.Evaluation.Reports;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

/// <summary>The main job, run once on the bundled model with small limits.</summary>
public sealed class BalancedPocket : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public static string Model { get; } = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");

    public static string[] EvaluationTexts { get; } =
        [.. new[] { "code", "math" }.Select(name => Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation", $"{name}.txt"))];

    public string Folder => _folder["out"];

    public string Parent => _folder.Root;

    internal CliResult Result { get; private set; } = null!;

    public BalanceReport Report { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Result = await CliResult.Of([
            "balance", Model, "--calibration-tokens", "4096", "--eval-text", .. EvaluationTexts, "--eval-tokens", "400", "--limit", "4",
            "--out", Folder, "--json", _folder["report.json"]]);
        if (Result.ExitCode != 0)
            return;
        using var stream = File.OpenRead(Path.Combine(Folder, "report.json"));
        Report = BalanceReportJson.Read(stream, "report.json");
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
