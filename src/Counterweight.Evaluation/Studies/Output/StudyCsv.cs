using System.Buffers;
using System.Text;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>A table as CSV: comma, point, header line, line feeds; quotes as RFC 4180 has them.</summary>
internal static class StudyCsv
{
    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    public static void Write(Stream stream, StudyTable table)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        text.WriteLine(string.Join(',', table.Columns.Select(Field)));
        foreach (var row in table.Rows)
            text.WriteLine(string.Join(',', row.Select(cell => Field(StudyTable.Exact(cell)))));
    }

    private static string Field(string value) =>
        value.AsSpan().ContainsAny(Quoted) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
}
