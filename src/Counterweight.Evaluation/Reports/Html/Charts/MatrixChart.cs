namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>A matrix of named rows and columns with its values written into cells, darker where larger.</summary>
internal sealed record MatrixChart(string Title, string Description, string RowTitle, string ColumnTitle) : IChart
{
    private const int Shades = 9;
    private const int FirstDarkShade = 5;
    private const double CellHeight = 26;
    private const double Head = 24;

    public required IReadOnlyList<string> Rows { get; init; }

    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>[rows][columns]; NaN leaves a cell empty.</summary>
    public required double[][] Values { get; init; }

    public required Func<double, string> Print { get; init; }

    IReadOnlyList<LegendEntry> IChart.Legend => [];

    public void Write(HtmlWriter html)
    {
        var known = Values.SelectMany(row => row).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        var (min, max) = (known.Min(), known.Max());
        var left = Rows.Max(row => Plot.Shorten(row).Length) * 6.8 + 12;
        var cell = Math.Max(40, Math.Min(64, (Plot.Width - left) / Columns.Count));
        var bottom = Head + Rows.Count * CellHeight;
        Plot.Begin(html, Title, Description, bottom + 84, Math.Max(Plot.Width, left + cell * Columns.Count + 8));
        html.Write($"<text class=\"axis\" x=\"2\" y=\"12\">{RowTitle} down, {ColumnTitle} across</text>\n");
        for (var row = 0; row < Rows.Count; row++)
        {
            var y = Head + row * CellHeight;
            html.Write($"<text class=\"end\" x=\"{left - 6}\" y=\"{y + 17}\">{Plot.Shorten(Rows[row])}</text>\n");
            for (var column = 0; column < Columns.Count; column++)
                if (double.IsFinite(Values[row][column]))
                    WriteCell(html, row, column, left + column * cell, y, cell, max > min ? (Values[row][column] - min) / (max - min) : 0);
        }
        for (var column = 0; column < Columns.Count; column++)
        {
            var (x, y) = (left + (column + 0.5) * cell + 4, bottom + 14);
            html.Write($"<text x=\"{x}\" y=\"{y}\" class=\"end\" transform=\"rotate(-35 {x} {y})\">{Plot.Shorten(Columns[column])}</text>\n");
        }
        Plot.End(html);
    }

    private void WriteCell(HtmlWriter html, int row, int column, double x, double y, double width, double share)
    {
        var shade = Math.Min((int)(share * Shades), Shades - 1);
        html.Write($"<rect class=\"mark q{(long)shade}\" x=\"{x}\" y=\"{y}\" width=\"{width - 1}\" height=\"{CellHeight - 1}\">");
        html.Write($"<title>{RowTitle} {Rows[row]}, {ColumnTitle} {Columns[column]}: {Print(Values[row][column])}</title></rect>");
        html.Write($"<text class=\"middle {(shade >= FirstDarkShade ? "on-dark" : "on-light")}\" x=\"{x + width / 2}\" y=\"{y + 17}\">{Print(Values[row][column])}</text>\n");
    }
}
