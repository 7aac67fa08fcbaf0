namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>A value of a heatmap cell and what it says when pointed at; a cell may hold several side by side.</summary>
internal readonly record struct HeatmapPart(double Value, string Tip);

/// <summary>A grid of cells coloured by load over mean load; 1 is perfect balance.</summary>
internal sealed record Heatmap(string Title, string Description, string RowTitle, string ColumnTitle) : IChart
{
    // Fixed limits: colours mean the same before, after and in other reports.
    private static readonly double[] Limits = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5];
    private static readonly string[] Names =
        ["below ¼", "¼ to ½", "½ to ¾", "¾ to 1", "1 to 1½", "1½ to 2", "2 to 3", "3 to 5", "5 and more"];
    private const double RowNames = 34;
    private const double Head = 8;
    private const double WidthOfTick = 24;

    public required IReadOnlyList<string> Rows { get; init; }

    /// <summary>[rows][columns][copies].</summary>
    public required IReadOnlyList<IReadOnlyList<IReadOnlyList<HeatmapPart>>> Cells { get; init; }

    /// <summary>The colour scale, in multiples of the mean.</summary>
    public static IReadOnlyList<LegendEntry> Legend { get; } = [.. Names.Select((name, bin) => new LegendEntry($"q{bin}", name))];

    IReadOnlyList<LegendEntry> IChart.Legend => Legend;

    public void Write(HtmlWriter html)
    {
        var columns = Cells[0].Count;
        var size = columns <= 16 ? 26.0 : columns <= 40 ? 19 : columns <= 72 ? 14 : 10;
        var rowHeight = Rows.Count <= 12 ? size + 6 : Math.Max(size, 14);
        var (width, bottom) = (RowNames + columns * size + 6, Head + Rows.Count * rowHeight);
        html.Write(
            $"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{Title}\"><div style=\"min-width:{width * 0.75}px\">\n");
        Plot.Begin(html, Title, Description, bottom + 38, width);
        for (var row = 0; row < Rows.Count; row++)
        {
            var y = Head + row * rowHeight;
            html.Write($"<text class=\"end\" x=\"{RowNames - 6}\" y=\"{y + rowHeight / 2 + 4}\">{Rows[row]}</text>\n");
            for (var column = 0; column < columns; column++)
                WriteCell(html, Cells[row][column], RowNames + column * size, y, size - 1, rowHeight - 1);
        }
        for (var column = 0; column < columns; column += (int)Math.Ceiling(WidthOfTick / size))
            html.Write($"<text class=\"middle\" x=\"{RowNames + (column + 0.5) * size}\" y=\"{bottom + 14}\">{column}</text>");
        html.Write($"<text class=\"axis\" x=\"{RowNames}\" y=\"{bottom + 31}\">{ColumnTitle} across, {RowTitle} down</text>\n");
        Plot.End(html);
        html.Write($"</div></div>\n");
    }

    private static void WriteCell(HtmlWriter html, IReadOnlyList<HeatmapPart> parts, double x, double y, double width, double height)
    {
        var part = width / parts.Count;
        for (var i = 0; i < parts.Count; i++)
        {
            html.Write(
                $"<rect class=\"mark q{Bin(parts[i].Value)}\" x=\"{x + part * i}\" y=\"{y}\" "
                + $"width=\"{part - (parts.Count > 1 ? 0.8 : 0)}\" height=\"{height}\">");
            html.Write($"<title>{parts[i].Tip}</title></rect>\n");
        }
    }

    private static int Bin(double value)
    {
        var bin = Array.FindIndex(Limits, limit => value < limit);
        return bin < 0 ? Limits.Length : bin;
    }
}
