using Counterweight.Evaluation.Reports;
using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>The comparison of before and after, as <c>balance</c> prints it. Fits 80 columns.</summary>
internal static class BalanceTable
{
    private const int LongestLabel = 36;

    public static void Render(IAnsiConsole console, BalanceReport report)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn(Column("", Justify.Left));
        foreach (var header in new[] { "before", "after", "change" })
            table.AddColumn(Column(header, Justify.Right));
        foreach (var row in ComparisonRows.From(report))
            table.AddRow(
                Cell(Shorten(TerminalText.OneLine(row.Label))),
                Cell(row.Before),
                Cell(row.After),
                Cell(row.Change, Colour(row.Verdict)));
        console.Write(table);
    }

    private static TableColumn Column(string header, Justify alignment) =>
        new(Cell(header)) { Alignment = alignment, NoWrap = true, Padding = new Padding(1, 0, 0, 0) };

    private static Text Cell(string text, Style? style = null) => new(text, style) { Overflow = Overflow.Ellipsis };

    private static Style Colour(Verdict verdict) => verdict switch
    {
        Verdict.Better => new Style(Color.Green),
        Verdict.Worse => new Style(Color.Red),
        _ => Style.Plain,
    };

    private static string Shorten(string label) =>
        label.Length <= LongestLabel ? label : string.Concat(label.AsSpan(0, LongestLabel - 1), "…");
}
