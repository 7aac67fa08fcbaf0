using System.Globalization;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// Comma-separated counts: one line for each layer and one column for each expert, or the lines <c>layer_id,expert_id,count</c> under that
/// header, as the first SGLang recorder wrote them.
/// </summary>
internal static class CsvLoads
{
    private const string LongHeader = "layer_id,expert_id,count";
    private const int MaxIndex = 65535;

    public static ImportedLoads Read(string text, string file, ImportOptions options)
    {
        var rows = new LoadRows(file, text.Length);
        var lines = text.Split('\n');
        var count = lines.Length;
        while (count > 0 && lines[count - 1].AsSpan().Trim().IsEmpty)
            count--;
        if (count == 0)
            throw new InvalidInputException(file, "no lines", "one line of counts for each layer");
        var isLong = lines[0].Trim().Replace(" ", "", StringComparison.Ordinal) == LongHeader;
        rows.Add(isLong ? ReadLong(rows, lines.AsSpan(0, count)) : ReadMatrix(rows, lines.AsSpan(0, count)), "rows");
        return rows.Finish(options);
    }

    private static double[][] ReadMatrix(LoadRows rows, ReadOnlySpan<string> lines)
    {
        var window = new double[lines.Length][];
        for (var r = 0; r < lines.Length; r++)
        {
            var cells = lines[r].Split(',');
            window[r] = new double[cells.Length];
            for (var c = 0; c < cells.Length; c++)
                window[r][c] = Number(rows, cells[c], r, c);
        }
        return window;
    }

    private static double[][] ReadLong(LoadRows rows, ReadOnlySpan<string> lines)
    {
        var counts = new Dictionary<(int Layer, int Expert), double>(lines.Length);
        var (layers, experts) = (0, 0);
        for (var r = 1; r < lines.Length; r++)
        {
            var cells = lines[r].Split(',');
            if (cells.Length != 3)
                throw new InvalidInputException($"{rows.File}: row {r + 1}", $"{cells.Length} columns", "the three columns " + LongHeader);
            var (layer, expert) = (Index(rows, cells[0], r, 0), Index(rows, cells[1], r, 1));
            if (!counts.TryAdd((layer, expert), Number(rows, cells[2], r, 2)))
                throw new InvalidInputException($"{rows.File}: row {r + 1}", $"a second count of layer {layer}, expert {expert}", "one");
            (layers, experts) = (Math.Max(layers, layer + 1), Math.Max(experts, expert + 1));
        }
        if (counts.Count == 0)
            throw new InvalidInputException(rows.File, "a header without rows", "rows " + LongHeader);
        var window = rows.NewWindow(layers, experts, "rows");
        foreach (var ((layer, expert), count) in counts)
            window[layer][expert] = count;
        return window;
    }

    private static double Number(LoadRows rows, string cell, int row, int column)
    {
        var position = $"row {row + 1}, column {column + 1}";
        return double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? rows.Count(value, position)
            : throw new InvalidInputException($"{rows.File}: {position}", Quote(cell), "a number");
    }

    private static int Index(LoadRows rows, string cell, int row, int column) =>
        int.TryParse(cell, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= MaxIndex
            ? value
            : throw new InvalidInputException($"{rows.File}: row {row + 1}, column {column + 1}", Quote(cell),
                $"an integer from 0 to {MaxIndex}");

    private static string Quote(string cell)
    {
        const int MaxQuoted = 40;
        var text = cell.Trim();
        return $"\"{(text.Length <= MaxQuoted ? text : text[..MaxQuoted] + "…")}\"";
    }
}
