namespace Counterweight.Planner;

/// <summary>A table in plain text: the first column to the left, the others to the right.</summary>
internal sealed class TextTable(params string[] headers)
{
    private readonly List<string[]> _rows = [headers];

    public void Add(params string[] cells) => _rows.Add([.. cells.Select(OneLine)]);

    public void Write(TextWriter output)
    {
        var widths = Enumerable.Range(0, headers.Length).Select(c => _rows.Max(row => row[c].Length)).ToArray();
        foreach (var row in _rows)
            output.WriteLine(string.Join("  ", row.Select((cell, c) => c == 0 ? cell.PadRight(widths[c])
                : cell.PadLeft(widths[c]))).TrimEnd());
    }

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}

/// <summary>Figures as all verbs print them.</summary>
internal static class Figures
{
    public static string Imbalance(double value) => FormattableString.Invariant($"{value:F4}");

    public static string Count(long value) => FormattableString.Invariant($"{value}");

    public static string Bytes(double bytes) =>
        bytes >= 1e9 ? FormattableString.Invariant($"{bytes / 1e9:F2} GB") :
        bytes >= 1e6 ? FormattableString.Invariant($"{bytes / 1e6:F1} MB") : FormattableString.Invariant($"{bytes:F0} B");
}
