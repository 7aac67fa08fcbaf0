using Spectre.Console;

namespace Counterweight.Cli.Output;

/// <summary>Tables of figures, as all verbs print them: the first column names, the others are numbers.</summary>
internal static class FigureTable
{
    /// <summary>A row for each figure: its name and its value.</summary>
    public static void RenderFigures(IAnsiConsole console, IEnumerable<(string Name, string Value)> figures)
    {
        var table = New();
        table.HideHeaders();
        table.AddColumn(Column("", Justify.Left));
        table.AddColumn(Column("", Justify.Left));
        foreach (var (name, value) in figures)
            table.AddRow(Cell(name), Cell(value));
        console.Write(table);
    }

    /// <summary>A table with headers.</summary>
    public static void Render(IAnsiConsole console, IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = New();
        for (var i = 0; i < headers.Count; i++)
            table.AddColumn(i == 0 ? Column(headers[i], Justify.Left).NoWrap() : Column(headers[i], Justify.Right));
        foreach (var row in rows)
            table.AddRow(row.Select(Cell));
        console.Write(table);
    }

    private static Table New() => new() { Border = TableBorder.Simple };

    private static TableColumn Column(string header, Justify alignment) =>
        new(Cell(header)) { Alignment = alignment, Padding = new Padding(1, 0, 1, 0) };

    private static Text Cell(string text) => new(TerminalText.OneLine(text));
}
