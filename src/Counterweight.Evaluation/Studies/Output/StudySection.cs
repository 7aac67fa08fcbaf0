using Counterweight.Evaluation.Reports.Html;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>A study's part of the report: method, findings, pictures with the table behind each, tables.</summary>
internal static class StudySection
{
    private const int MostRows = 100;
    private const int ShortTable = 60;

    public static void Write(HtmlWriter html, IStudy study, StudyResult result, RunRecord run)
    {
        html.Write($"<section id=\"{study.Name}\" aria-labelledby=\"{study.Name}-heading\"><h2 id=\"{study.Name}-heading\">{study.Title}</h2>\n");
        html.Write($"<p class=\"lead\">{study.Method}</p>\n<ul class=\"findings\">\n");
        foreach (var finding in result.Findings)
            html.Write($"<li>{finding}</li>\n");
        html.Write($"</ul>\n<div class=\"grid-of-figures\">\n");
        foreach (var chart in result.Charts)
            WriteChart(html, study, chart, run);
        html.Write($"</div>\n");
        // Long tables that pictures show stand behind the pictures alone.
        foreach (var table in result.Tables.Concat(result.Timings))
            if (table.Rows.Count <= ShortTable || result.Charts.All(chart => chart.Table != table))
                WriteTable(html, study, table, run);
        html.Write($"<p class=\"hash\">{FormattableString.Invariant($"{run.Seconds:0.0}")} s on {run.Cpu}.</p></section>\n");
    }

    private static void WriteChart(HtmlWriter html, IStudy study, StudyChart chart, RunRecord run)
    {
        var figure = new Figure(chart.Chart.Title, chart.Chart.Description, Shown(chart.Table))
        {
            Legend = chart.Chart.Legend,
            Wide = chart.Wide,
        };
        figure.Write(html, chart.Chart.Write, () => WriteSource(html, study, chart.Table, run, $"{chart.Name}.svg", $"{chart.Name}.png"));
    }

    private static void WriteTable(HtmlWriter html, IStudy study, StudyTable table, RunRecord run)
    {
        html.Write($"<div class=\"tables block\"><div><h3>{table.Title}</h3><p class=\"lead\">{table.Description}</p>\n");
        Shown(table).Write(html, table.Title);
        WriteSource(html, study, table, run);
        html.Write($"</div></div>\n");
    }

    private static void WriteSource(HtmlWriter html, IStudy study, StudyTable table, RunRecord run, params ReadOnlySpan<string> pictures)
    {
        html.Write($"<p class=\"source\"><code>{run.Command}</code> <a href=\"{study.Name}/{table.Name}.csv\">CSV</a>");
        foreach (var picture in pictures)
            html.Write($" <a href=\"{study.Name}/{picture}\">{Path.GetExtension(picture)[1..].ToUpperInvariant()}</a>");
        html.Write($"</p>\n");
    }

    // A page of thousands of rows is slow and read by nobody: the CSV has them all.
    private static DataTable Shown(StudyTable table)
    {
        var rows = table.Rows.Take(MostRows).Select(row => (IReadOnlyList<string>)[.. row.Select(StudyTable.Print)]);
        var more = table.Rows.Count - MostRows;
        return new DataTable(table.Columns, more <= 0 ? rows : rows.Append([$"and {more} more in the CSV", .. table.Columns.Skip(1).Select(_ => "")]));
    }
}
