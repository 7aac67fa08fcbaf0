using System.Text.Json;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// JSON with <c>logical_count</c>, or a bare array: [layers][experts] or [steps][layers][experts]. Other keys are ignored, as SGLang does.
/// </summary>
internal static class JsonLoads
{
    public static ImportedLoads Read(JsonInput root, long fileBytes, ImportOptions options)
    {
        var counts = root;
        if (root.Element.ValueKind == JsonValueKind.Object)
        {
            if (!root.Element.TryGetProperty("logical_count", out _))
                throw root.Error("an object without logical_count", "recorded loads: {\"logical_count\": …} or an array of counts");
            counts = root["logical_count"];
        }
        var rows = new LoadRows(root.File, fileBytes);
        if (Depth(counts) == 2)
            rows.Add(Window(counts, rows), counts.Path);
        else
            foreach (var step in counts.Items())
                rows.Add(Window(step, rows), step.Path);
        return rows.Finish(options);
    }

    private static double[][] Window(JsonInput input, LoadRows rows) =>
        Array.ConvertAll(input.Items(), row => Array.ConvertAll(row.Items(), cell => Cell(cell, rows)));

    private static double Cell(JsonInput cell, LoadRows rows) =>
        cell.Element.ValueKind == JsonValueKind.Number && cell.Element.TryGetDouble(out var value)
            ? rows.Count(value, cell.Path)
            : throw cell.Wrong("a number from 0 to 2^62");

    /// <summary>2 or 3, from the first items.</summary>
    public static int Depth(JsonInput input)
    {
        var (depth, item) = (0, input);
        while (item.Element.ValueKind == JsonValueKind.Array && depth <= 3)
        {
            depth++;
            if (item.Element.GetArrayLength() == 0)
                throw item.Wrong("an array that is not empty");
            item = new JsonInput(item.Element[0], item.File, item.Path + "[0]");
        }
        return depth is 2 or 3 ? depth : throw input.Error($"an array of {depth} dimensions",
            "[layers][experts] or [steps][layers][experts]");
    }
}
