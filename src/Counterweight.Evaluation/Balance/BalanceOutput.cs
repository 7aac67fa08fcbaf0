using Counterweight.Balancing;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html;

namespace Counterweight.Evaluation.Balance;

/// <summary>Writes what a run made, all files or none.</summary>
internal static class BalanceOutput
{
    /// <summary>The balanced checkpoint with its <c>plan.json</c>, <c>loads.json</c>, <c>report.json</c> and <c>report.html</c>.</summary>
    public static void Write(string folder, BalanceReport report, LoadedModel loaded, Plan plan, CalibrationResult calibration)
    {
        using var files = new AtomicFolder(folder);
        CheckpointWriter.WriteBalanced(files.Path, loaded.Model, loaded.Checkpoint, plan, calibration.Experts);
        var loads = new RecordedLoads(loaded.Model.Fingerprint, [.. calibration.Traces, .. calibration.Decoding]);
        AtomicFile.Write(files.PathOf("loads.json"), stream => LoadsFile.Write(loads, stream));
        AtomicFile.Write(files.PathOf("report.json"), stream => BalanceReportJson.Write(report, stream));
        AtomicFile.Write(files.PathOf("report.html"), stream => HtmlReport.Write(report, stream));
        files.Commit();
    }
}
