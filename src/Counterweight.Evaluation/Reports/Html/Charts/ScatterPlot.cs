namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>One point of a scatter plot.</summary>
internal readonly record struct ScatterPoint(double X, double Y, string Colour, string Tip);

/// <summary>Points over a square-root x axis that begins at 0 and a y axis that fits the values.</summary>
internal sealed record ScatterPlot(string Title, string Description, string XTitle, string YTitle) : IChart
{
    private const double Height = 300;
    private const double Bottom = 256;

    public required IReadOnlyList<ScatterPoint> Points { get; init; }

    public IReadOnlyList<LegendEntry> Legend { get; init; } = [];

    public void Write(HtmlWriter html)
    {
        var points = Points.Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y)).ToArray();
        var xAxis = Axis.FromZeroSqrt(points.Select(point => point.X).DefaultIfEmpty(1).Max(), Plot.Left + 6, Plot.Right - 4);
        var yAxis = Axis.Fitting(points.Select(point => point.Y), Bottom, Plot.Top);
        Plot.Begin(html, Title, Description, Height);
        Plot.ValueAxis(html, yAxis, YTitle);
        foreach (var tick in xAxis.Ticks)
        {
            html.Write($"<line class=\"grid\" x1=\"{xAxis.Map(tick)}\" x2=\"{xAxis.Map(tick)}\" y1=\"{Plot.Top}\" y2=\"{Bottom}\"/>");
            html.Write($"<text class=\"middle\" x=\"{xAxis.Map(tick)}\" y=\"{Bottom + 16}\">{Axis.Label(tick)}</text>\n");
        }
        html.Write($"<text class=\"axis middle\" x=\"{(Plot.Left + Plot.Right) / 2}\" y=\"{Bottom + 34}\">{XTitle}</text>\n");
        foreach (var point in points)
        {
            html.Write($"<circle class=\"mark point {point.Colour}\" cx=\"{xAxis.Map(point.X)}\" cy=\"{yAxis.Map(point.Y)}\" r=\"3.6\">");
            html.Write($"<title>{point.Tip}</title></circle>\n");
        }
        Plot.End(html);
    }
}
