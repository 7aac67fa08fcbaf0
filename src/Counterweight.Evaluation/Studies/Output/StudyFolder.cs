using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Reports.Html;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>How a study was run: all that may differ between two runs of the same settings.</summary>
/// <param name="Command">The command that runs this study alone.</param>
/// <param name="Cpu">The processor.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record RunRecord(string Command, string Cpu, double Seconds);

/// <summary>Writes a study's folder, whole or not at all.</summary>
internal static class StudyFolder
{
    public const string SectionName = "section.html";

    public static void Write(string folder, IStudy study, JsonObject settings, StudyResult result, RunRecord run)
    {
        using var files = new AtomicFolder(folder);
        AtomicFile.Write(files.PathOf(StudyJson.FileName), stream => StudyJson.Write(stream, study, settings, result));
        AtomicFile.Write(files.PathOf("run.json"), stream => WriteRun(stream, result, run));
        foreach (var table in result.Tables.Concat(result.Timings))
            AtomicFile.Write(files.PathOf($"{table.Name}.csv"), stream => StudyCsv.Write(stream, table));
        foreach (var chart in result.Charts)
        {
            var svg = ChartSvg.Render(chart.Chart);
            AtomicFile.Write(files.PathOf($"{chart.Name}.svg"), stream => stream.Write(Encoding.UTF8.GetBytes(svg)));
            if (ChartPng.CanWrite)
                AtomicFile.Write(files.PathOf($"{chart.Name}.png"), stream => ChartPng.Write(stream, svg));
        }
        AtomicFile.Write(files.PathOf(SectionName), stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
            StudySection.Write(new HtmlWriter(text), study, result, run);
        });
        files.Commit();
    }

    private static void WriteRun(Stream stream, StudyResult result, RunRecord run)
    {
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("command", run.Command);
            json.WriteString("cpu", run.Cpu);
            json.WriteNumber("seconds", run.Seconds);
            StudyJson.WriteTables(json, "timings", result.Timings);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }
}
