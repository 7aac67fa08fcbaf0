using System.Text;
using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Streaming;

namespace Counterweight.Planner.Report;

/// <summary>Streams and controllers as a table, JSON and HTML.</summary>
internal static class StreamReport
{
    public static void Print(IReadOnlyList<StreamRun> runs, bool hasBytes, TextWriter output)
    {
        output.WriteLine("Device imbalance, max / mean load (1 is perfect), mean over windows and layers:");
        var table = new TextTable("stream", "controller", "even split", "least-loaded", "LIS", "LIS, cumulative", "experts moved", "bytes moved");
        foreach (var run in runs)
            table.Add(Cells(run, hasBytes));
        table.Write(output);
    }

    public static void WriteJson(Utf8JsonWriter writer, IReadOnlyList<StreamRun> runs, int devices, bool hasBytes)
    {
        writer.WriteNumber("devices", devices);
        writer.WriteStartArray("streams");
        foreach (var stream in runs.GroupBy(run => run.Stream))
        {
            writer.WriteStartObject();
            writer.WriteString("name", stream.Key);
            writer.WriteStartArray("controllers");
            foreach (var run in stream)
                WriteRun(writer, run, hasBytes);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    public static void WriteHtml(string path, IReadOnlyList<StreamRun> runs, Plan first, bool hasBytes)
    {
        var html = new StringBuilder(HtmlReport.Head("Streaming"));
        html.Append("<h1>Streaming</h1><p>").Append(Svg.Escape(
            $"{first.Layers.Count} MoE layers of {first.Model.Experts} experts, {first.Layers.Sum(layer => layer.Slots.Count)} slots on {first.Devices} devices.")).Append("</p>");
        AppendTable(html, runs, hasBytes);
        foreach (var stream in runs.GroupBy(run => run.Stream))
            html.Append("<h2>").Append(Svg.Escape(stream.Key)).Append(
                "</h2><p>Device imbalance of each window under the even split, mean over layers; below, experts moved before each window.</p>")
                .Append(StreamChart.Draw([.. stream]));
        html.Append("</body></html>\n");
        AtomicFile.Write(path, file => file.Write(Encoding.UTF8.GetBytes(html.ToString())));
    }

    private static string[] Cells(StreamRun run, bool hasBytes) =>
    [
        run.Stream, run.Controller, Figures.Imbalance(run.MeanEven), Figures.Imbalance(run.MeanLeastLoaded), Figures.Imbalance(run.MeanLis),
        Figures.Imbalance(run.Windows[^1].CumulativeLis), Figures.Count(run.Moves), hasBytes ? Figures.Bytes(run.Bytes) : "needs --config",
    ];

    private static void AppendTable(StringBuilder html, IReadOnlyList<StreamRun> runs, bool hasBytes)
    {
        html.Append("<table><tr><th>stream</th><th>controller</th><th>even split</th><th>least-loaded</th><th>LIS</th><th>LIS, cumulative</th><th>experts moved</th><th>bytes moved</th></tr>");
        foreach (var run in runs)
            html.Append("<tr><td>").AppendJoin("</td><td>", Cells(run, hasBytes).Select(Svg.Escape)).Append("</td></tr>");
        html.Append("</table>");
    }

    private static void WriteRun(Utf8JsonWriter writer, StreamRun run, bool hasBytes)
    {
        writer.WriteStartObject();
        writer.WriteString("name", run.Controller);
        WriteFigures(writer, run.Windows, hasBytes);
        writer.WriteStartArray("segments");
        foreach (var segment in run.Windows.GroupBy(window => window.Segment))
        {
            writer.WriteStartObject();
            writer.WriteString("name", run.Segments[segment.Key]);
            WriteFigures(writer, [.. segment], hasBytes);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter writer, IReadOnlyList<StreamWindow> windows, bool hasBytes)
    {
        writer.WriteStartObject("deviceImbalance");
        writer.WriteNumber("even", windows.Average(window => window.Even));
        writer.WriteNumber("leastLoaded", windows.Average(window => window.LeastLoaded));
        writer.WriteEndObject();
        writer.WriteNumber("lis", windows.Average(window => window.Lis));
        writer.WriteNumber("cumulativeLis", windows[^1].CumulativeLis);
        writer.WriteNumber("expertsMoved", windows.Sum(window => (long)window.Moves));
        if (hasBytes)
            writer.WriteNumber("bytesMoved", windows.Sum(window => window.Bytes));
    }
}
