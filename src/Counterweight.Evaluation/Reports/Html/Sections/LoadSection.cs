using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>Loads of all experts and slots as heatmaps on one colour scale.</summary>
internal static class LoadSection
{
    private const int WideFromExperts = 41;

    public static void Write(HtmlWriter html, BalanceReport report)
    {
        var detail = report.Detail;
        Section.Write(
            html,
            "loads",
            "Loads",
            "Each cell is one logical expert of one layer, coloured by tokens over the mean expert of that layer. "
            + "After balancing, a cell is cut into the copies of its expert: hot cells turn into several cooler ones.",
            () =>
            {
                WriteExperts(
                    html,
                    report,
                    detail.EvaluationLoads,
                    "Before: evaluation text",
                    "Load of each expert of the unchanged model.");
                WriteSlots(html, report);
                WriteExperts(
                    html,
                    report,
                    detail.CalibrationLoads,
                    "Calibration text",
                    "Load of each expert on the text that the plan was made from.");
            });
    }

    private static void WriteExperts(HtmlWriter html, BalanceReport report, long[][] loads, string title, string description)
    {
        var layers = LayerSection.Layers(report);
        var cells = loads.Select((row, layer) =>
        {
            var mean = Math.Max(row.Average(), double.Epsilon);
            return (IReadOnlyList<IReadOnlyList<HeatmapPart>>)[.. row.Select((load, expert) => (IReadOnlyList<HeatmapPart>)
                [new HeatmapPart(
                    load / mean,
                    $"layer {layers[layer]}, expert {expert}: {FigureText.Count(load)} tokens, {FigureText.Score(load / mean)} x mean")])];
        });
        var rows = loads.Select((row, layer) => (IReadOnlyList<string>)[layers[layer], .. row.Select(load => FigureText.Count(load))]);
        WriteHeatmap(
            html,
            report,
            new Heatmap(title, description, "layers", "logical experts") { Rows = layers, Cells = [.. cells] },
            ExpertTable(report, rows));
    }

    private static void WriteSlots(HtmlWriter html, BalanceReport report)
    {
        var layers = LayerSection.Layers(report);
        var means = Array.ConvertAll(report.Detail.EvaluationLoads, row => Math.Max(row.Average(), double.Epsilon));
        var copies = report.Detail.Slots.Select(row => row.ToLookup(slot => slot.Expert)).ToArray();
        var experts = Enumerable.Range(0, report.Provenance.Fingerprint.Experts).ToArray();
        var cells = copies.Select((row, layer) => (IReadOnlyList<IReadOnlyList<HeatmapPart>>)[.. experts.Select(expert =>
            (IReadOnlyList<HeatmapPart>)[.. row[expert].Select(slot => new HeatmapPart(
                slot.Load / means[layer],
                $"layer {layers[layer]}, expert {expert}, {slot.Precision.Name()} on device {slot.Device}: "
                + $"{FigureText.Count(slot.Load)} tokens, {FigureText.Score(slot.Load / means[layer])} x mean expert"))])]);
        var rows = copies.Select((row, layer) => (IReadOnlyList<string>)[layers[layer], .. experts.Select(expert =>
            string.Join(" + ", row[expert].Select(slot => $"{FigureText.Count(slot.Load)} {slot.Precision.Name()}")))]);
        var heatmap = new Heatmap(
            "After: evaluation text, by copy",
            "Load of each copy of each expert under the plan, over the mean expert before.",
            "layers",
            "logical experts")
        {
            Rows = layers,
            Cells = [.. cells],
        };
        WriteHeatmap(html, report, heatmap, ExpertTable(report, rows));
    }

    private static DataTable ExpertTable(BalanceReport report, IEnumerable<IReadOnlyList<string>> rows) =>
        new(["layer", .. Enumerable.Range(0, report.Provenance.Fingerprint.Experts).Select(expert => $"expert {expert}")], rows);

    private static void WriteHeatmap(HtmlWriter html, BalanceReport report, Heatmap heatmap, DataTable table) =>
        new Figure(heatmap.Title, heatmap.Description, table)
        {
            Legend = Heatmap.Legend,
            Wide = report.Provenance.Fingerprint.Experts >= WideFromExperts,
        }.Write(html, heatmap.Write);
}
