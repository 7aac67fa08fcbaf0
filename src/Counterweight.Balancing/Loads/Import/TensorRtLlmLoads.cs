using System.Buffers.Binary;
using System.Globalization;

namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// TensorRT-LLM expert statistics: a folder with <c>meta_info.json</c> and <c>rank&lt;r&gt;.safetensors</c>, whose tensors
/// <c>"&lt;iteration&gt;_&lt;layer&gt;"</c> count tokens per expert. Ranks are added up; each iteration is a window.
/// </summary>
internal static class TensorRtLlmLoads
{
    private const int MaxHeaderBytes = 100_000_000;

    public static ImportedLoads Read(string folder, ImportOptions options)
    {
        var meta = JsonInput.Parse(Path.Combine(folder, "meta_info.json"));
        if (meta.Element.ValueKind != System.Text.Json.JsonValueKind.Object || !meta.Element.TryGetProperty("num_experts", out _))
            throw meta.Error("no num_experts", "{\"num_experts\": …, \"num_experts_per_token\": …}");
        var experts = (int)meta["num_experts"].Integer(1, Plans.PlanLimits.MaxExperts);
        var files = Directory.GetFiles(folder, "rank*.safetensors");
        if (files.Length == 0)
            throw new InvalidInputException(folder, "no rank*.safetensors", "one file for each rank");
        Array.Sort(files, StringComparer.Ordinal);
        var rows = new LoadRows(folder, files.Sum(file => new FileInfo(file).Length));
        var counts = new SortedDictionary<int, SortedDictionary<int, double[]>>();
        foreach (var file in files)
            AddRank(file, experts, rows, counts);
        int[] layers = [.. counts.Values.SelectMany(iteration => iteration.Keys).Distinct().Order()];
        foreach (var (iteration, window) in counts)
        {
            rows.Reserve((long)layers.Length * experts, $"{layers.Length} layers of {experts} experts", $"iteration {iteration}");
            rows.Add([.. layers.Select(layer => window.GetValueOrDefault(layer) ?? new double[experts])], $"iteration {iteration}");
        }
        return rows.Finish(options, layers);
    }

    private static void AddRank(string file, int experts, LoadRows rows, SortedDictionary<int, SortedDictionary<int, double[]>> counts)
    {
        var bytes = InputBytes.Read(file);
        if (bytes.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(bytes) is var length
            && (length > MaxHeaderBytes || length > (ulong)bytes.Length - 8))
            throw new InvalidInputException($"{file}: byte 0", "no header of a length inside the file", "a safetensors file");
        var header = JsonInput.Parse(bytes.AsSpan(8, (int)length), file);
        var data = bytes.AsSpan(8 + (int)length);
        foreach (var property in header.Element.EnumerateObject())
        {
            if (property.Name == "__metadata__")
                continue;
            var parts = property.Name.Split('_');
            if (parts.Length != 2 || !Number(parts[0], out var iteration) || !Number(parts[1], out var layer))
                throw new InvalidInputException($"{file}: {property.Name}", "a tensor of that name", "names <iteration>_<layer>");
            var tensor = Tensor(header[property.Name], experts, data);
            if (!counts.TryGetValue(iteration, out var window))
                counts[iteration] = window = [];
            if (!window.TryGetValue(layer, out var sum))
                window[layer] = sum = new double[experts];
            for (var e = 0; e < experts; e++)
                sum[e] += rows.Count(tensor[e], $"{Path.GetFileName(file)}: {property.Name}[{e}]");
        }
    }

    private static double[] Tensor(JsonInput entry, int experts, ReadOnlySpan<byte> data)
    {
        entry.Object("dtype", "shape", "data_offsets");
        var type = entry["dtype"].Text() switch
        {
            "I32" => new NumberType(NumberKind.Signed, 4),
            "I64" => new NumberType(NumberKind.Signed, 8),
            "U8" => new NumberType(NumberKind.Unsigned, 1),
            "F32" => new NumberType(NumberKind.Float, 4),
            "F64" => new NumberType(NumberKind.Float, 8),
            _ => throw entry["dtype"].Wrong("I32, I64, U8, F32 or F64"),
        };
        var (shape, offsets) = (entry["shape"].Items(), entry["data_offsets"].Items());
        if (shape.Length != 1 || shape[0].Integer(0, int.MaxValue) != experts)
            throw entry["shape"].Wrong($"[{experts}], as in meta_info.json");
        var begin = offsets.Length == 2 ? offsets[0].Integer(0, data.Length) : throw entry["data_offsets"].Wrong("begin and end");
        var end = offsets[1].Integer(begin, data.Length);
        if (end - begin != (long)experts * type.Bytes)
            throw entry["data_offsets"].Wrong($"{experts * type.Bytes} bytes");
        var values = new double[experts];
        for (var e = 0; e < experts; e++)
            values[e] = type.Read(data[((int)begin + e * type.Bytes)..], bigEndian: false);
        return values;
    }

    private static bool Number(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

/// <summary>Whole files as bytes; one that cannot be read is the user's mistake.</summary>
internal static class InputBytes
{
    public static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, e.Message, "a readable file below 2 GiB", e);
        }
    }
}
