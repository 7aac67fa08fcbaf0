using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using CsvHelper;

namespace Counterweight.Evaluation.Tasks.Data;

/// <summary>A record of a comma- or tab-separated file; whatever it lacks is reported with its file and first line.</summary>
internal sealed record CsvRow(string Where, string[] Cells)
{
    /// <summary>Comma-separated records (RFC 4180: quoted cells may hold commas, doubled quotes and line ends).</summary>
    public static IEnumerable<CsvRow> ReadCommas(string path, int cells) => Read(path, cells, ',', CsvMode.Rfc4180);

    /// <summary>Tab-separated records, in which quotes mean nothing.</summary>
    public static IEnumerable<CsvRow> ReadTabs(string path, int cells) => Read(path, cells, '\t', CsvMode.NoEscape);

    /// <summary>The records below a header, which must have the named columns; their cells in the order of the names.</summary>
    public static IEnumerable<CsvRow> SelectColumns(IEnumerable<CsvRow> rows, params string[] names)
    {
        int[]? columns = null;
        foreach (var row in rows)
            if (columns is null)
                columns = [.. names.Select(row.ColumnOf)];
            else
                yield return row with { Cells = [.. columns.Select(column => row.Cells[column])] };
    }

    /// <summary>The index of an answer letter that is one of the first <paramref name="count"/> letters.</summary>
    public int Letter(int cell, int count)
    {
        var index = Cells[cell] is [var letter] ? letter - 'A' : -1;
        return index >= 0 && index < count
            ? index
            : throw Invalid($"answer \"{Cells[cell]}\"", $"a letter from A to {(char)('A' + count - 1)}");
    }

    public InvalidInputException Invalid(string found, string expected) => new(Where, found, expected);

    private int ColumnOf(string name) => Array.IndexOf(Cells, name) is >= 0 and var column
        ? column
        : throw Invalid($"columns {string.Join(", ", Cells)}", $"a column \"{name}\"");

    private static IEnumerable<CsvRow> Read(string path, int cells, char separator, CsvMode mode)
    {
        using var reader = CsvReader.FromText(Utf8File.ReadText(path), new CsvReaderOptions
        {
            Separator = separator,
            Mode = mode,
            HasHeader = false,
            TrackLineNumbers = true,
            MalformedData = CsvMalformedDataHandling.Throw,
        });
        while (Advance(reader, path))
        {
            var row = new CsvRow($"{path}:{reader.LineNumber}", reader.Current.ToArray());
            yield return row.Cells.Length == cells ? row : throw row.Invalid($"{row.Cells.Length} cells", $"{cells} cells");
        }
    }

    private static bool Advance(CsvReader reader, string path)
    {
        try
        {
            return reader.Read();
        }
        catch (CsvFormatException bad)
        {
            throw new InvalidInputException($"{path}:{bad.LineNumber}", bad.Message, "quotes only around whole cells, doubled inside", bad);
        }
    }
}
