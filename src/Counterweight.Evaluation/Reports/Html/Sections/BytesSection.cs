using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>What the copies cost: bytes and slots by precision.</summary>
internal static class BytesSection
{
    public static void Write(HtmlWriter html, BalanceReport report) =>
        Section.Write(
            html,
            "bytes",
            "Bytes",
            "Bytes are what the process really holds for experts: codes, scales, padding and tables. "
            + "Replicas are paid for by lower precision elsewhere.",
            () =>
            {
                WriteBytes(html, report);
                WriteSlots(html, report);
            });

    private static void WriteBytes(HtmlWriter html, BalanceReport report)
    {
        var (before, after) = (report.Detail.BytesByPrecisionBefore, report.Detail.BytesByPrecisionAfter);
        var chart = new StackedColumns("Expert bytes by precision", "Expert bytes before and after, stacked by precision.", "MB", "experts")
        {
            Categories = ["before", "after"],
            Series = [.. before.Keys.Union(after.Keys).Order().Select(precision => new ColumnSeries(
                precision.Name(), Palette.Of(precision), [before.GetValueOrDefault(precision), after.GetValueOrDefault(precision)]))],
            Print = FigureText.Bytes,
            Unit = 1e-6,
        };
        WriteChart(html, chart);
    }

    private static void WriteSlots(HtmlWriter html, BalanceReport report)
    {
        var layers = report.Detail.SlotsByPrecision;
        var chart = new StackedColumns(
            "Slots by layer and precision",
            "Number of slots of each layer under the plan, stacked by precision.",
            "slots",
            "layer")
        {
            Categories = LayerSection.Layers(report),
            Series = [.. layers.SelectMany(layer => layer.Keys).Distinct().Order().Select(precision => new ColumnSeries(
                precision.Name(), Palette.Of(precision), [.. layers.Select(layer => (double)layer.GetValueOrDefault(precision))]))],
            Print = FigureText.Count,
        };
        WriteChart(html, chart);
    }

    private static void WriteChart(HtmlWriter html, StackedColumns chart)
    {
        var rows = chart.Categories.Select((category, i) => (IReadOnlyList<string>)
        [
            category,
            .. chart.Series.Select(series => chart.Print(series.Values[i])),
            chart.Print(chart.Series.Sum(series => series.Values[i])),
        ]);
        var table = new DataTable([chart.CategoryTitle, .. chart.Series.Select(series => series.Name), "total"], rows);
        new Figure(chart.Title, chart.Description, table) { Legend = chart.Legend }.Write(html, chart.Write);
    }
}
