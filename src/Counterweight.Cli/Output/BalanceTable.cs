using Counterweight.Evaluation.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Counterweight.Cli.Output;

/// <summary>The comparison of before and after, as <c>balance</c> prints it.</summary>
internal static class BalanceTable
{
    private const int LongestLabel = 40;

    public static void Render(IAnsiConsole console, BalanceReport report)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn(new TableColumn(new Text("")) { NoWrap = true });
        foreach (var header in new[] { "before", "after", "change" })
            table.AddColumn(new TableColumn(new Text(header)) { Alignment = Justify.Right, NoWrap = true });
        foreach (var row in ComparisonRows.From(report))
            table.AddRow(Cells(row));
        console.Write(table);
    }

    private static IRenderable[] Cells(ComparisonRow row) =>
    [
        new Text(Shorten(TerminalText.OneLine(row.Label))),
        new Text(row.Before),
        new Text(row.After),
        new Text(row.Change, row.Verdict switch
        {
            Verdict.Better => new Style(Color.Green),
            Verdict.Worse => new Style(Color.Red),
            _ => Style.Plain,
        }),
    ];

    private static string Shorten(string label) =>
        label.Length <= LongestLabel ? label : string.Concat(label.AsSpan(0, LongestLabel - 1), "…");
}
