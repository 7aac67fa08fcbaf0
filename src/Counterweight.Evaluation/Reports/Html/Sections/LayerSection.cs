using System.Globalization;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>LIS and busiest slot of each layer, and LIS by batch size.</summary>
internal static class LayerSection
{
    public static void Write(HtmlWriter html, BalanceReport report) =>
        Section.Write(
            html,
            "layers",
            "Layers",
            "A layer is done when its busiest slot is done. LIS is the busiest slot's load over the mean slot's load; 1 is perfect.",
            () =>
            {
                var layers = Layers(report);
                WriteChart(html, LisByLayer(report, layers));
                WriteChart(html, BusiestSlot(report, layers));
                if (report.Before.LisByBatchSize.Count > 0)
                    WriteChart(html, LisByBatch(report));
            });

    public static string[] Layers(BalanceReport report) =>
        [.. report.Provenance.Fingerprint.MoeLayers.Select(layer => layer.ToString(CultureInfo.InvariantCulture))];

    private static ColumnChart LisByLayer(BalanceReport report, string[] layers) =>
        new("LIS by layer", "Load-imbalance score of each MoE layer on evaluation text.", "LIS", "layer")
        {
            Categories = layers,
            Series = BeforeAfter(report.Before.Lis.Layers, report.After.Lis.Layers),
            Print = FigureText.Score,
            Reference = (1, "1: perfect balance"),
        };

    private static ColumnChart BusiestSlot(BalanceReport report, string[] layers) =>
        new("Busiest slot by layer", "Tokens that the busiest slot of each MoE layer serves on evaluation text.", "tokens", "layer")
        {
            Categories = layers,
            Series = BeforeAfter(
                Array.ConvertAll(report.Detail.BusiestSlotBefore, load => (double)load),
                Array.ConvertAll(report.Detail.BusiestSlotAfter, load => (double)load)),
            Print = FigureText.Count,
        };

    private static ColumnChart LisByBatch(BalanceReport report)
    {
        var sizes = report.Before.LisByBatchSize.Keys.ToArray();
        return new ColumnChart(
            "LIS by batch size",
            "Load-imbalance score within one batch, mean over batches and layers.",
            "LIS",
            "tokens per batch")
        {
            Categories = Array.ConvertAll(sizes, size => size.ToString(CultureInfo.InvariantCulture)),
            Series = BeforeAfter(
                Array.ConvertAll(sizes, size => report.Before.LisByBatchSize[size]),
                Array.ConvertAll(sizes, size => report.After.LisByBatchSize[size])),
            Print = FigureText.Score,
            Reference = (1, "1: perfect balance"),
        };
    }

    private static ColumnSeries[] BeforeAfter(IReadOnlyList<double> before, IReadOnlyList<double> after) =>
        [new("before", Palette.Before, before), new("after", Palette.After, after)];

    /// <summary>A column chart with the table of its own values.</summary>
    public static void WriteChart(HtmlWriter html, ColumnChart chart)
    {
        var rows = chart.Categories.Select((category, i) =>
            (IReadOnlyList<string>)[category, .. chart.Series.Select(series => chart.Print(series.Values[i]))]);
        var table = new DataTable([chart.CategoryTitle, .. chart.Series.Select(series => series.Name)], rows);
        new Figure(chart.Title, chart.Description, table) { Legend = chart.Legend }.Write(html, chart.Write);
    }
}
