using System.Globalization;
using Counterweight.Evaluation.Reports.Html.Charts;
using Devices = System.Collections.Generic.IReadOnlyDictionary<
    int, System.Collections.Generic.IReadOnlyDictionary<string, Counterweight.Evaluation.Reports.Imbalance>>;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>Device imbalance by device count, over all evaluation text and one file at a time.</summary>
internal static class DeviceSection
{
    private const int CountOfFiles = 8;

    public static void Write(HtmlWriter html, BalanceReport report)
    {
        if (report.Before.DeviceImbalance.Count == 0)
            return;
        Section.Write(
            html,
            "devices",
            "Devices",
            "Device imbalance is the busiest device's load over the mean device's load, mean over layers; 1 is perfect. "
            + "Even split gives the copies of an expert equal shares; "
            + "least loaded sends each token to the copy whose device has the least to do.",
            () =>
            {
                WriteByCount(html, report);
                WriteByFile(html, report);
            });
    }

    private static void WriteByCount(HtmlWriter html, BalanceReport report)
    {
        var counts = report.Before.DeviceImbalance.Keys.ToArray();
        var names = Array.ConvertAll(counts, count => count.ToString(CultureInfo.InvariantCulture));
        var chart = Chart("Device imbalance by device count", "All evaluation text.", "devices", names) with
        {
            Series = Series(counts.Select(count => (report.Before.DeviceImbalance[count], report.After.DeviceImbalance[count]))),
        };
        var rows = counts.Select((count, i) => Row(names[i], report.Before.DeviceImbalance, report.After.DeviceImbalance, count));
        new Figure(
            chart.Title,
            chart.Description,
            new DataTable(Headers("devices"), rows))
        { Legend = chart.Legend }.Write(html, chart.Write);
    }

    private static void WriteByFile(HtmlWriter html, BalanceReport report)
    {
        var (before, after) = (report.Before.DeviceImbalanceByFile, report.After.DeviceImbalanceByFile);
        if (before.Count == 0)
            return;
        var counts = report.Before.DeviceImbalance.Keys.ToArray();
        var shown = counts.Contains(CountOfFiles) ? CountOfFiles : counts[^1];
        var chart = Chart(
            $"One domain at a time, {shown} devices",
            "Each evaluation file alone: traffic that differs from the mixture.",
            "file",
            [.. before.Keys]) with
        {
            Series = Series(before.Keys.Select(file => (before[file][shown], after[file][shown]))),
        };
        var rows = before.Keys.SelectMany(file => counts.Select(count => Row(
            $"{file}, {count} devices",
            before[file],
            after[file],
            count)));
        new Figure(chart.Title, chart.Description, new DataTable(Headers("file"), rows)) { Legend = chart.Legend }.Write(html, chart.Write);
    }

    private static ColumnChart Chart(string title, string description, string categoryTitle, string[] categories) =>
        new(title, description, "device imbalance", categoryTitle)
        {
            Categories = categories,
            Series = [],
            Print = FigureText.Score,
            Reference = (1, "1: perfect balance"),
        };

    private static ColumnSeries[] Series(
        IEnumerable<(IReadOnlyDictionary<string, Imbalance> Before, IReadOnlyDictionary<string, Imbalance> After)> pairs)
    {
        var all = pairs.ToArray();
        return
        [
            new("before", Palette.Before, Array.ConvertAll(all, pair => pair.Before[SplitNames.LeastLoaded].Mean)),
            new("after, even split", Palette.After, Array.ConvertAll(all, pair => pair.After[SplitNames.Even].Mean)),
            new("after, least loaded", Palette.AfterLeastLoaded, Array.ConvertAll(all, pair => pair.After[SplitNames.LeastLoaded].Mean)),
        ];
    }

    private static string[] Headers(string first) =>
    [
        first, "before, mean", "before, worst layer", "after, even, mean", "after, even, worst layer",
        "after, least loaded, mean", "after, least loaded, worst layer",
    ];

    private static string[] Row(string name, Devices before, Devices after, int count) =>
    [
        name,
        .. new[] { before[count][SplitNames.LeastLoaded], after[count][SplitNames.Even], after[count][SplitNames.LeastLoaded] }
            .SelectMany(imbalance => new[] { FigureText.Score(imbalance.Mean), FigureText.Score(imbalance.Max) }),
    ];
}
