namespace Counterweight.Balancing.Loads.Import;

/// <summary>
/// SGLang recorder dumps (<c>expert_distribution_recorder_….pt</c>): <c>logical_count</c> [buffer][layers][experts], or a bare tensor
/// of that shape; dumps per pass have <c>records</c> of <c>global_physical_count</c> [layers][slots] beside <c>last_physical_to_logical_map</c>.
/// </summary>
internal static class SglangDump
{
    public static ImportedLoads Read(TorchArchive archive, string file, ImportOptions options)
    {
        var rows = new LoadRows(file, archive.FileBytes);
        switch (archive.Root)
        {
            case TorchTensor tensor:
                archive.Array(tensor, "tensor").AddWindows(rows, "tensor");
                break;
            case Dictionary<object, object?> dump when dump.TryGetValue("logical_count", out var counts) && counts is TorchTensor tensor:
                archive.Array(tensor, "logical_count").AddWindows(rows, "logical_count");
                break;
            case Dictionary<object, object?> dump when dump.TryGetValue("records", out var records) && records is List<object?> passes:
                AddPasses(archive, dump, passes, rows);
                break;
            default:
                throw new InvalidInputException(file, "a dump without logical_count or records", "a recorder dump or a tensor of counts");
        }
        return rows.Finish(options);
    }

    private static void AddPasses(TorchArchive archive, Dictionary<object, object?> dump, List<object?> passes, LoadRows rows)
    {
        if (!dump.TryGetValue("last_physical_to_logical_map", out var map) || map is not TorchTensor tensor)
            throw new InvalidInputException(rows.File, "records without last_physical_to_logical_map", "the map beside the records");
        var logical = archive.Array(tensor, "last_physical_to_logical_map");
        for (var i = 0; i < passes.Count; i++)
        {
            var name = $"records[{i}].global_physical_count";
            if (passes[i] is not Dictionary<object, object?> record || !record.TryGetValue("global_physical_count", out var value)
                || value is not TorchTensor counts)
                throw new InvalidInputException($"{rows.File}: records[{i}]", "no global_physical_count", "a tensor [layers][slots]");
            rows.Add(PhysicalLoads.ToLogical(archive.Array(counts, name), logical, rows, name), name);
        }
    }
}

/// <summary>Adds the loads of the copies of each logical expert.</summary>
internal static class PhysicalLoads
{
    /// <summary>Loads of logical experts, [layers][experts], from loads and a map of shape [layers][slots].</summary>
    public static double[][] ToLogical(NumericArray counts, NumericArray map, LoadRows rows, string position)
    {
        if (counts.Shape.Length != 2 || !counts.Shape.SequenceEqual(map.Shape))
            throw new InvalidInputException($"{rows.File}: {position}", $"shape {counts.ShapeText}",
                $"[layers][slots] as in the map, {map.ShapeText}");
        var (layers, slots) = (counts.Shape[0], counts.Shape[1]);
        var experts = (int)Math.Clamp(map.Values.Max() + 1, 1, Plans.PlanLimits.MaxExperts);
        var window = rows.NewWindow(layers, experts, position);
        for (var l = 0; l < layers; l++)
            for (var s = 0; s < slots; s++)
            {
                var expert = map.Values[l * slots + s];
                if (!(expert >= 0 && expert < experts && expert == Math.Floor(expert)))
                    throw new InvalidInputException($"{rows.File}: map[{l}, {s}]", $"expert {expert}", $"0 to {experts - 1}");
                window[l][(int)expert] += rows.Count(counts.Values[l * slots + s], $"{position}[{l}, {s}]");
            }
        return window;
    }
}
