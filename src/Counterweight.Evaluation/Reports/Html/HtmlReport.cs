using System.Globalization;
using System.Text;
using Counterweight.Evaluation.Reports.Html.Sections;

namespace Counterweight.Evaluation.Reports.Html;

/// <summary>The report as one HTML file that needs nothing else: style, script and pictures are inside.</summary>
public static class HtmlReport
{
    /// <summary>Writes UTF-8 without a byte-order mark; the markup is well-formed XML too. The stream stays open.</summary>
    public static void Write(BalanceReport report, Stream stream)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        var html = new HtmlWriter(text);
        html.Write(
            $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
            + $"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        html.Write($"<title>Balance report: {report.Model}</title>\n<style>\n");
        html.WriteStyles("report.css");
        html.Write($"</style></head><body>\n");
        WriteHeader(html, report);
        html.Write($"<main>\n");
        HeadlineSection.Write(html, report);
        LayerSection.Write(html, report);
        LoadSection.Write(html, report);
        DeviceSection.Write(html, report);
        BytesSection.Write(html, report);
        QualitySection.Write(html, report);
        ImportanceSection.Write(html, report);
        EstimateSection.Write(html, report);
        ProvenanceSection.Write(html, report);
        html.Write($"</main><div id=\"tip\" role=\"status\" hidden=\"hidden\"></div>\n<script>\n");
        html.WriteAsset("report.js");
        html.Write($"</script></body></html>\n");
    }

    private static void WriteHeader(HtmlWriter html, BalanceReport report)
    {
        var model = report.Provenance.Fingerprint;
        html.Write($"<header><div><p class=\"kind\">Counterweight balance report</p><h1>{report.Model}</h1>");
        html.Write($"<p>{model.ModelType}, {model.MoeLayers.Count} MoE layers of {model.Experts} experts, top-{model.TopK}; ");
        html.Write(
            $"policy <strong>{report.Policy}</strong>, seed {report.Seed.ToString(CultureInfo.InvariantCulture)}; "
            + $"{report.Cpu}</p></div>");
        html.Write($"<button type=\"button\" id=\"theme\" hidden=\"hidden\">Dark</button></header>\n");
    }
}
