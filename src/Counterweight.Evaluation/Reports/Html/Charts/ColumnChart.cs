namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>One colour of columns.</summary>
internal sealed record ColumnSeries(string Name, string Colour, IReadOnlyList<double> Values);

/// <summary>Columns side by side in groups: one group a category, one column a series.</summary>
internal sealed record ColumnChart(string Title, string Description, string ValueTitle, string CategoryTitle) : IChart
{
    private const double Bottom = 196;
    private const double WidthOfLabel = 27;

    public required IReadOnlyList<string> Categories { get; init; }

    public required IReadOnlyList<ColumnSeries> Series { get; init; }

    public required Func<double, string> Print { get; init; }

    /// <summary>A value that is marked by a line, for example perfect balance.</summary>
    public (double Value, string Name)? Reference { get; init; }

    public IReadOnlyList<LegendEntry> Legend => [.. Series.Select(series => new LegendEntry(series.Colour, series.Name))];

    public void Write(HtmlWriter html)
    {
        var axis = Axis.FromZero(Series.SelectMany(series => series.Values), Bottom, Plot.Top);
        Plot.Begin(html, Title, Description, Bottom + Plot.CategoryHeight(Categories));
        Plot.ValueAxis(html, axis, ValueTitle);
        var step = (Plot.Right - Plot.Left) / Categories.Count;
        var width = step * 0.8 / Series.Count;
        for (var category = 0; category < Categories.Count; category++)
            for (var series = 0; series < Series.Count; series++)
                WriteColumn(html, axis, category, series, Plot.Left + step * (category + 0.1) + width * series, width);
        if (Reference is { } line)
            html.Write(
                $"<line class=\"reference\" x1=\"{Plot.Left}\" x2=\"{Plot.Right}\" y1=\"{axis.Map(line.Value)}\" "
                + $"y2=\"{axis.Map(line.Value)}\"><title>{line.Name}</title></line>\n");
        Plot.CategoryAxis(html, Categories, Bottom, CategoryTitle);
        Plot.End(html);
    }

    private void WriteColumn(HtmlWriter html, Axis axis, int category, int index, double x, double width)
    {
        var series = Series[index];
        var value = series.Values[category];
        if (!double.IsFinite(value))
            return;
        var top = axis.Map(Math.Max(value, 0));
        var height = Math.Max(axis.Map(Math.Min(value, 0)) - top, 0.5);
        html.Write($"<rect class=\"mark {series.Colour}\" x=\"{x}\" y=\"{top}\" width=\"{width * 0.94}\" height=\"{height}\">");
        html.Write($"<title>{CategoryTitle} {Categories[category]}, {series.Name}: {Print(value)}</title></rect>");
        if (width >= WidthOfLabel)
            html.Write($"<text class=\"value middle\" x=\"{x + width * 0.47}\" y=\"{top - 4}\">{Print(value)}</text>");
        html.Write($"\n");
    }
}
