namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>A difference with its interval; without one, low = high = value.</summary>
internal readonly record struct IntervalRow(string Name, double Value, double Low, double High, string Tip, bool HigherIsBetter);

/// <summary>Differences as dots with intervals around a line at 0: what crosses the line can't be told from no change.</summary>
internal sealed record IntervalPlot(string Title, string Description, string ValueTitle) : IChart
{
    private const double Left = 130;
    private const double Right = 424;
    private const double RowHeight = 26;
    private const double Head = 6;

    public required IReadOnlyList<IntervalRow> Rows { get; init; }

    IReadOnlyList<LegendEntry> IChart.Legend => [];

    public void Write(HtmlWriter html)
    {
        var axis = Axis.FromZero(Rows.SelectMany(row => new[] { row.Low, row.High }), Left, Right);
        var bottom = Head + Rows.Count * RowHeight;
        Plot.Begin(html, Title, Description, bottom + 40);
        foreach (var tick in axis.Ticks)
        {
            html.Write(
                $"<line class=\"{(tick == 0 ? "zero" : "grid")}\" x1=\"{axis.Map(tick)}\" x2=\"{axis.Map(tick)}\" y1=\"{Head}\" "
                + $"y2=\"{bottom}\"/>");
            html.Write($"<text class=\"middle\" x=\"{axis.Map(tick)}\" y=\"{bottom + 16}\">{Axis.Label(tick)}</text>\n");
        }
        html.Write($"<text class=\"axis middle\" x=\"{(Left + Right) / 2}\" y=\"{bottom + 34}\">{ValueTitle}</text>\n");
        for (var i = 0; i < Rows.Count; i++)
            WriteRow(html, axis, Rows[i], Head + RowHeight * (i + 0.5));
        Plot.End(html);
    }

    private static void WriteRow(HtmlWriter html, Axis axis, IntervalRow row, double y)
    {
        html.Write($"<text class=\"end\" x=\"{Left - 10}\" y=\"{y + 4}\">{Plot.Shorten(row.Name)}</text>");
        if (!double.IsFinite(row.Value))
            return;
        var gain = row.HigherIsBetter ? (row.Low, row.High) : (-row.High, -row.Low);
        var colour = gain.Item1 > 0 ? "better" : gain.Item2 < 0 ? "worse" : "same";
        html.Write($"<g class=\"mark interval {colour}\"><title>{row.Tip}</title>");
        html.Write($"<rect class=\"hit\" x=\"{Left}\" y=\"{y - RowHeight / 2}\" width=\"{Right - Left}\" height=\"{RowHeight}\"/>");
        html.Write($"<line x1=\"{axis.Map(row.Low)}\" x2=\"{axis.Map(row.High)}\" y1=\"{y}\" y2=\"{y}\"/>");
        html.Write($"<circle cx=\"{axis.Map(row.Value)}\" cy=\"{y}\" r=\"5\"/></g>\n");
    }
}
