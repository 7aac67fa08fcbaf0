using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>What balancing costs in quality: perplexity by file and accuracy by task.</summary>
internal static class QualitySection
{
    public static void Write(HtmlWriter html, BalanceReport report) =>
        Section.Write(
            html,
            "quality",
            "Quality",
            "Changes are paired: the same tokens and the same items before and after. "
            + "A change whose 95 % interval crosses 0 can't be told from no change.",
            () =>
            {
                WritePerplexity(html, report);
                if (report.Before.Accuracy.Count > 0)
                    WriteAccuracy(html, report);
            });

    private static void WritePerplexity(HtmlWriter html, BalanceReport report)
    {
        var (before, after) = (report.Before.PerplexityByFile, report.After.PerplexityByFile);
        var all = report.Change.PerplexityDifference;
        var chart = new IntervalPlot(
            "Change of perplexity by file",
            "Perplexity after over before; lower is better. Only the whole has an interval.",
            "change, %")
        {
            Rows =
            [
                new(
                    "all files",
                    Percent(all.Value),
                    Percent(all.Low),
                    Percent(all.High),
                    $"all files: {FigureText.Measure(report.Before.Perplexity)} to {FigureText.Measure(report.After.Perplexity)}",
                    false),
                .. before.Keys.Select(file => FileRow(file, before[file].Perplexity, after[file].Perplexity)),
            ],
        };
        IReadOnlyList<string> whole =
        [
            "all files",
            FigureText.Count(before.Values.Sum(file => file.Tokens)),
            .. Figures(report.Before.Perplexity, report.After.Perplexity),
        ];
        var rows = before.Keys.Select(file => (IReadOnlyList<string>)
            [file, FigureText.Count(before[file].Tokens), .. Figures(before[file].Perplexity, after[file].Perplexity)]);
        var table = new DataTable(["file", "scored tokens", "before", "after", "change"], rows.Prepend(whole));
        new Figure(chart.Title, chart.Description, table).Write(html, chart.Write);

        double Percent(double difference) => difference / report.Before.Perplexity * 100;
        static string[] Figures(double before, double after) =>
            [FigureText.Measure(before), FigureText.Measure(after), FigureText.RelativeChange(after / before)];
    }

    private static IntervalRow FileRow(string file, double before, double after)
    {
        var change = (after / before - 1) * 100;
        return new IntervalRow(
            file,
            change,
            change,
            change,
            $"{file}: {FigureText.Measure(before)} to {FigureText.Measure(after)} ({FigureText.RelativeChange(after / before)})",
            false);
    }

    private static void WriteAccuracy(HtmlWriter html, BalanceReport report)
    {
        var (before, after, changes) = (report.Before.Accuracy, report.After.Accuracy, report.Change.AccuracyDifference);
        var chart = new IntervalPlot(
            "Change of accuracy by task",
            "Accuracy after less before in percentage points with 95 % intervals; higher is better.",
            "change, percentage points")
        {
            Rows = [.. before.Keys.Select(task => new IntervalRow(
                task,
                changes[task].Value * 100,
                changes[task].Low * 100,
                changes[task].High * 100,
                $"{task}: {FigureText.Percent(before[task].Value)} to {FigureText.Percent(after[task].Value)}, "
                + $"{FigureText.Points(changes[task])}, 95 % interval {Interval(changes[task])}",
                true))],
        };
        var rows = before.Keys.Select(task => (IReadOnlyList<string>)
        [
            task, FigureText.Count(before[task].N), Accuracy(before[task]), Accuracy(after[task]),
            FigureText.Points(changes[task]), Interval(changes[task]),
            Normalized(before[task]), Normalized(after[task]),
        ]);
        var table = new DataTable(
            ["task", "items", "before", "after", "change", "95 % interval", "length-normalised before", "length-normalised after"], rows);
        new Figure(chart.Title, chart.Description, table).Write(html, chart.Write);
    }

    private static string Interval(PairedDifference change) =>
        $"{FigureText.Score(change.Low * 100)} to {FigureText.Score(change.High * 100)}";

    private static string Accuracy(TaskAccuracy task) => $"{FigureText.Percent(task.Value)} ± {FigureText.Percent(task.Stderr)}";

    private static string Normalized(TaskAccuracy task) =>
        task.AccNorm is { } norm ? $"{FigureText.Percent(norm.Value)} ± {FigureText.Percent(norm.Stderr)}" : "none";
}
