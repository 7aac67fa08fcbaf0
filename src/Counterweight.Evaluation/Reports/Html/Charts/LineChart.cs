using System.Globalization;

namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>A line through values, one for each category; NaN leaves a gap.</summary>
internal sealed record LineSeries(string Name, string Colour, IReadOnlyList<double> Values)
{
    /// <summary>Lower and upper ends of an interval around each value, drawn as a band; null for none.</summary>
    public (IReadOnlyList<double> Low, IReadOnlyList<double> High)? Band { get; init; }

    /// <summary>For what was computed rather than measured.</summary>
    public bool Dashed { get; init; }
}

/// <summary>Lines over categories in equal steps, for example batch sizes that double.</summary>
internal sealed record LineChart(string Title, string Description, string ValueTitle, string CategoryTitle) : IChart
{
    private const double Bottom = 226;

    public required IReadOnlyList<string> Categories { get; init; }

    public required IReadOnlyList<LineSeries> Series { get; init; }

    public required Func<double, string> Print { get; init; }

    public IReadOnlyList<LegendEntry> Legend => [.. Series.Select(series => new LegendEntry(series.Colour, series.Name))];

    public void Write(HtmlWriter html)
    {
        var bands = Series.Where(series => series.Band is not null).SelectMany(series => series.Band!.Value.Low.Concat(series.Band.Value.High));
        var axis = Axis.Fitting(Series.SelectMany(series => series.Values).Concat(bands).Where(double.IsFinite), Bottom, Plot.Top);
        Plot.Begin(html, Title, Description, Bottom + Plot.CategoryHeight(Categories));
        Plot.ValueAxis(html, axis, ValueTitle);
        foreach (var series in Series)
            WriteBand(html, axis, series);
        foreach (var series in Series)
            WriteLine(html, axis, series);
        Plot.CategoryAxis(html, Categories, Bottom, CategoryTitle);
        Plot.End(html);
    }

    private double X(int category) => Plot.Left + (Plot.Right - Plot.Left) / Categories.Count * (category + 0.5);

    private void WriteBand(HtmlWriter html, Axis axis, LineSeries series)
    {
        if (series.Band is not var (low, high))
            return;
        var known = Enumerable.Range(0, Categories.Count).Where(i => double.IsFinite(low[i]) && double.IsFinite(high[i])).ToArray();
        var corners = known.Select(i => (X(i), axis.Map(high[i]))).Concat(known.Reverse().Select(i => (X(i), axis.Map(low[i]))));
        html.Write($"<polygon class=\"band {series.Colour}\" points=\"{Points(corners)}\"/>\n");
    }

    private void WriteLine(HtmlWriter html, Axis axis, LineSeries series)
    {
        var points = Enumerable.Range(0, Categories.Count).Where(i => double.IsFinite(series.Values[i])).ToArray();
        var dashed = series.Dashed ? "dashed" : "";
        html.Write(
            $"<polyline class=\"line {series.Colour} {dashed}\" points=\"{Points(points.Select(i => (X(i), axis.Map(series.Values[i]))))}\"/>\n");
        foreach (var i in points)
        {
            html.Write($"<circle class=\"mark point {series.Colour}\" cx=\"{X(i)}\" cy=\"{axis.Map(series.Values[i])}\" r=\"3.2\">");
            html.Write($"<title>{CategoryTitle} {Categories[i]}, {series.Name}: {Print(series.Values[i])}{BandText(series, i)}</title></circle>\n");
        }
    }

    private string BandText(LineSeries series, int i) =>
        series.Band is var (low, high) && double.IsFinite(low[i]) ? $" ({Print(low[i])} to {Print(high[i])})" : "";

    private static string Points(IEnumerable<(double X, double Y)> points) =>
        string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.##},{point.Y:0.##}")));
}
