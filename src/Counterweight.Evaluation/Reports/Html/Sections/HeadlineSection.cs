namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>The comparison that the terminal prints: the main figures as cards, all of them as a table.</summary>
internal static class HeadlineSection
{
    public static void Write(HtmlWriter html, BalanceReport report)
    {
        var rows = ComparisonRows.From(report);
        html.Write($"<section id=\"headline\" aria-labelledby=\"headline-heading\"><h2 id=\"headline-heading\">Before and after</h2>\n");
        html.Write($"<p class=\"lead\">{Summary(report, rows)}</p><div class=\"cards\">\n");
        foreach (var row in rows.Where(IsCard))
            WriteCard(html, row);
        html.Write($"</div>\n");
        WriteTable(html, rows);
        html.Write($"</section>\n");
    }

    private static string Summary(BalanceReport report, IReadOnlyList<ComparisonRow> rows)
    {
        var worse = rows.Where(row => row.Verdict == Verdict.Worse).Select(row => $"{row.Label} ({row.Change})").ToArray();
        return $"The busiest slot of a layer gets {FigureText.TimesLower(report.Change.StragglerRatio)} load "
            + $"(mean over layers, evaluation text) with {Compared(report.Change.ExpertBytesRatio)} expert bytes. "
            + (worse.Length == 0 ? "Nothing measured got worse." : $"Worse: {string.Join("; ", worse)}.");
    }

    private static string Compared(double ratio)
    {
        var change = FigureText.RelativeChange(ratio);
        return change == FigureText.RelativeChange(1) ? "as many" : $"{change[1..]} {(ratio < 1 ? "fewer" : "more")}";
    }

    private static bool IsCard(ComparisonRow row) =>
        !row.Label.StartsWith("total", StringComparison.Ordinal)
        && !row.Label.StartsWith("LIS (paper", StringComparison.Ordinal)
        && !row.Label.StartsWith("LIS, worst", StringComparison.Ordinal)
        && !row.Label.EndsWith(", even", StringComparison.Ordinal);

    private static void WriteCard(HtmlWriter html, ComparisonRow row)
    {
        html.Write(
            $"<div class=\"card\"><h3>{row.Label}</h3><p class=\"figures\"><span class=\"was\">{row.Before}</span> "
            + $"<span aria-label=\"to\">→</span> <strong>{row.After}</strong></p>");
        html.Write(
            $"<p class=\"change {Palette.Of(row.Verdict)}\">{row.Change}<span class=\"verdict\">{Word(row.Verdict)}</span></p></div>\n");
    }

    private static void WriteTable(HtmlWriter html, IReadOnlyList<ComparisonRow> rows)
    {
        html.Write(
            $"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All figures before and after\">"
            + $"<table class=\"comparison\"><caption>All figures; device imbalance by number of devices. Lower is better, except for "
            + $"accuracy and tokens/s; ± is the standard error of the paired difference.</caption>");
        html.Write(
            $"<thead><tr><th scope=\"col\">figure</th><th scope=\"col\">before</th><th scope=\"col\">after</th><th scope=\"col\">change"
            + $"</th><th scope=\"col\">verdict</th></tr></thead><tbody>\n");
        foreach (var row in rows)
        {
            html.Write($"<tr><th scope=\"row\">{row.Label}</th><td>{row.Before}</td><td>{row.After}</td><td>{row.Change}</td>");
            html.Write($"<td class=\"{Palette.Of(row.Verdict)}\">{Word(row.Verdict)}</td></tr>\n");
        }
        html.Write($"</tbody></table></div>\n");
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Better => "better",
        Verdict.Worse => "worse",
        _ => "no clear change",
    };
}
