namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>Columns of parts on top of each other: one column a category, one part a series.</summary>
internal sealed record StackedColumns(string Title, string Description, string ValueTitle, string CategoryTitle) : IChart
{
    private const double Bottom = 196;

    public required IReadOnlyList<string> Categories { get; init; }

    public required IReadOnlyList<ColumnSeries> Series { get; init; }

    public required Func<double, string> Print { get; init; }

    /// <summary>A factor from values to axis labels, for example bytes to megabytes.</summary>
    public double Unit { get; init; } = 1;

    public IReadOnlyList<LegendEntry> Legend => [.. Series.Select(series => new LegendEntry(series.Colour, series.Name))];

    public void Write(HtmlWriter html)
    {
        var totals = Enumerable.Range(0, Categories.Count).Select(category => Series.Sum(series => series.Values[category])).ToArray();
        var axis = Axis.FromZero(totals.Select(total => total * Unit), Bottom, Plot.Top);
        Plot.Begin(html, Title, Description, Bottom + Plot.CategoryHeight(Categories));
        Plot.ValueAxis(html, axis, ValueTitle);
        var step = (Plot.Right - Plot.Left) / Categories.Count;
        var width = Math.Min(step * 0.8, 90);
        for (var category = 0; category < Categories.Count; category++)
            WriteColumn(html, axis, category, totals[category], Plot.Left + step * (category + 0.5) - width / 2, width);
        Plot.CategoryAxis(html, Categories, Bottom, CategoryTitle);
        Plot.End(html);
    }

    private void WriteColumn(HtmlWriter html, Axis axis, int category, double total, double x, double width)
    {
        double below = 0;
        foreach (var series in Series)
        {
            var value = series.Values[category];
            if (value <= 0)
                continue;
            var (top, bottom) = (axis.Map((below + value) * Unit), axis.Map(below * Unit));
            html.Write($"<rect class=\"mark part {series.Colour}\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{bottom - top}\">");
            html.Write($"<title>{CategoryTitle} {Categories[category]}, {series.Name}: {Print(value)} of {Print(total)}</title></rect>\n");
            below += value;
        }
        if (width >= 24)
            html.Write($"<text class=\"value middle\" x=\"{x + width / 2}\" y=\"{axis.Map(below * Unit) - 4}\">{Print(total)}</text>\n");
    }
}
