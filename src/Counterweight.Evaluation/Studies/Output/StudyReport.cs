using System.Text;
using Counterweight.Balancing;
using Counterweight.Evaluation.Reports.Html;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>One HTML file that needs nothing else, put together from the sections of all studies that the folder holds.</summary>
internal static class StudyReport
{
    public const string FileName = "report.html";

    public static void Write(string folder, string model)
    {
        var present = StudyCatalog.Titles.Where(study => File.Exists(SectionFile(folder, study.Name))).ToArray();
        AtomicFile.Write(Path.Combine(folder, FileName), stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
            var html = new HtmlWriter(text);
            html.Write($"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
            html.Write($"<title>Studies: {model}</title>\n<style>\n");
            html.WriteStyles("report.css", "study.css");
            html.Write($"</style></head><body>\n<header><div><p class=\"kind\">Counterweight studies</p><h1>{model}</h1></div>");
            html.Write($"<button type=\"button\" id=\"theme\" hidden=\"hidden\">Dark</button></header>\n<nav aria-label=\"Studies\"><ul>");
            foreach (var (name, title) in present)
                html.Write($"<li><a href=\"#{name}\">{title}</a></li>");
            html.Write($"</ul></nav>\n<main>\n");
            foreach (var (name, _) in present)
                html.WriteFile(SectionFile(folder, name));
            html.Write($"</main><div id=\"tip\" role=\"status\" hidden=\"hidden\"></div>\n<script>\n");
            html.WriteAsset("report.js");
            html.Write($"</script></body></html>\n");
        });
    }

    private static string SectionFile(string folder, string study) => Path.Combine(folder, study, StudyFolder.SectionName);
}
