using System.Text;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// vLLM's load records, one JSON object a line: <c>window_expert_load</c> [layers][slots] or [steps][layers][slots] beside
/// <c>physical_to_logical_map</c> [layers][slots]. Each line becomes a window; other keys are ignored.
/// </summary>
internal static class VllmLoadWindows
{
    public static bool Recognizes(string text) => text.Contains("\"window_expert_load\"", StringComparison.Ordinal);

    public static ImportedLoads Read(string text, string file, ImportOptions options)
    {
        var rows = new LoadRows(file, text.Length);
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].AsSpan().Trim().IsEmpty)
                continue;
            var record = JsonInput.Parse(Encoding.UTF8.GetBytes(lines[i]), $"{file}: line {i + 1}");
            foreach (var key in (ReadOnlySpan<string>)["window_expert_load", "physical_to_logical_map"])
                if (record.Element.ValueKind != System.Text.Json.JsonValueKind.Object || !record.Element.TryGetProperty(key, out _))
                    throw record.Error($"no {key}", "a load record of vLLM");
            var map = Array(record["physical_to_logical_map"]);
            var load = record["window_expert_load"];
            var steps = JsonLoads.Depth(load) == 2 ? [load] : load.Items();
            var window = System.Array.ConvertAll(steps, step =>
                PhysicalLoads.ToLogical(Array(step), map, rows, $"line {i + 1}, {step.Path}"));
            rows.Add(Sum(window), $"line {i + 1}");
        }
        return rows.Finish(options);
    }

    private static double[][] Sum(double[][][] windows)
    {
        foreach (var window in windows.AsSpan(1))
            for (var l = 0; l < window.Length; l++)
                for (var e = 0; e < window[l].Length; e++)
                    windows[0][l][e] += window[l][e];
        return windows[0];
    }

    private static NumericArray Array(JsonInput input)
    {
        var values = System.Array.ConvertAll(input.Items(), row =>
            System.Array.ConvertAll(row.Items(), cell => cell.Number(0, LoadRows.MaxCount)));
        if (values.Length == 0 || values.Any(row => row.Length != values[0].Length))
            throw input.Error("rows of different lengths", "[layers][slots]");
        return new NumericArray([values.Length, values[0].Length], [.. values.SelectMany(row => row)], IsInteger: true);
    }
}
