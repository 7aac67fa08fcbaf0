using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>Importance against load, one picture for each estimator.</summary>
internal static class ImportanceSection
{
    private static readonly LegendEntry[] Legend =
    [
        new(Palette.Replicated, "replicated by the plan"),
        new(Palette.Lowered, "one copy of lower precision"),
        new(Palette.Untouched, "left alone"),
    ];

    public static void Write(HtmlWriter html, BalanceReport report)
    {
        if (report.Detail.Importance.Count == 0)
            return;
        Section.Write(
            html,
            "importance",
            "Importance and load",
            "Each point is one expert of one layer on calibration text. "
            + "A rank correlation near 0 means that how often an expert is chosen says little about how much it suffers from fewer bits.",
            () =>
            {
                foreach (var (estimator, importance) in report.Detail.Importance)
                    WriteEstimator(html, report, estimator, importance);
            });
    }

    private static void WriteEstimator(HtmlWriter html, BalanceReport report, string estimator, double[][] importance)
    {
        var correlation = FigureText.Correlation(report.Estimates.LoadImportanceSpearman.GetValueOrDefault(estimator, double.NaN));
        var chart = new ScatterPlot(
            estimator,
            $"Rank correlation of load and {estimator}, mean over layers: {correlation}.",
            "load over mean load of the layer",
            estimator)
        {
            Points = Points(report, importance),
        };
        var layers = LayerSection.Layers(report);
        var rows = importance.Select((row, layer) => (IReadOnlyList<string>)[layers[layer], .. row.Select(FigureText.Measure)]);
        var table = new DataTable(["layer", .. Enumerable.Range(0, importance[0].Length).Select(expert => $"expert {expert}")], rows);
        new Figure(chart.Title, chart.Description, table) { Legend = Legend }.Write(html, chart.Write);
    }

    private static ScatterPoint[] Points(BalanceReport report, double[][] importance)
    {
        var layers = LayerSection.Layers(report);
        var points = new List<ScatterPoint>();
        for (var layer = 0; layer < layers.Length; layer++)
        {
            var colours = Colours(report.Detail, layer);
            var loads = report.Detail.CalibrationLoads[layer];
            var mean = Math.Max(loads.Average(), double.Epsilon);
            for (var expert = 0; expert < loads.Length; expert++)
                points.Add(new ScatterPoint(
                    loads[expert] / mean,
                    importance[layer][expert],
                    colours[expert],
                    $"layer {layers[layer]}, expert {expert}: load {FigureText.Score(loads[expert] / mean)} x mean, "
                    + $"importance {FigureText.Measure(importance[layer][expert])}"));
        }
        return [.. points.OrderBy(point => point.Colour == Palette.Replicated ? 1 : 0)]; // the fewest on top
    }

    private static string[] Colours(BalanceDetail detail, int layer)
    {
        var copies = detail.Slots[layer].ToLookup(slot => slot.Expert);
        return [.. detail.CalibrationLoads[layer].Select((_, expert) => (copies[expert].Count(), copies[expert].First().Precision) switch
        {
            ( > 1, _) => Palette.Replicated,
            (_, var precision) when precision != detail.OriginalPrecision => Palette.Lowered,
            _ => Palette.Untouched,
        })];
    }
}
