using System.CommandLine;
using Counterweight.Balancing;
using Counterweight.Cli.Output;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html;

namespace Counterweight.Cli.Verbs;

/// <summary><c>report</c>: the HTML and the table of a report that <c>balance</c> wrote.</summary>
internal static class ReportVerb
{
    private static readonly Argument<string> Report = new("REPORT") { Description = "report.json as balance writes it" };
    private static readonly Option<string> Out = new("--out", "-o") { Description = "HTML file to write", Required = true };

    public static Command Create()
    {
        var command = new Command("report", "Writes the HTML report again from report.json, and prints its table") { Report, Out };
        command.Does((parsed, terminal, _) =>
        {
            var (source, target) = (parsed.GetValue(Report)!, parsed.GetValue(Out)!);
            var report = Read(source);
            AtomicFile.Write(target, stream => HtmlReport.Write(report, stream));
            BalanceTable.Render(terminal.Out, report);
            terminal.Text.WriteLine($"Written to {target}");
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static BalanceReport Read(string file)
    {
        if (!File.Exists(file))
            throw new InvalidInputException(file, "no such file", "report.json as balance writes it");
        using var stream = File.OpenRead(file);
        return BalanceReportJson.Read(stream, file);
    }
}
