using System.Text.Json;
using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>
/// SGLang's <c>--init-expert-location</c>: <c>{"physical_to_logical_map": [[slots] × all layers]}</c> with no other key, dense layers
/// filled with 0, 1, 2, … modulo the experts.
/// </summary>
internal sealed class SglangPlanFormat : IEnginePlanFormat
{
    private const string Key = "physical_to_logical_map";

    public string Name => "sglang";

    public string Ending => ".json";

    public IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target) =>
    [
        .. EngineChecks.UnequalLayers(plan, "SGLang"),
        .. EngineChecks.LayersBeyond(plan, target),
        .. EngineChecks.Duplicates(plan, isError: false, "SGLang loads it twice and the second copy takes no load off the device"),
    ];

    public void Write(EnginePlan plan, EngineTarget target, Stream stream)
    {
        EngineChecks.ThrowFirst(Check(plan, target), "SGLang");
        var filler = EngineChecks.Filler(plan.Experts, plan.SlotExperts[0].Length);
        JsonOutput.Write(stream, "plan", writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray(Key);
            for (var layer = 0; layer < target.HiddenLayersOf(plan); layer++)
                JsonRows.Write(writer, RowOf(plan, layer) ?? filler);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }, check: _ => { });
    }

    public EnginePlan Read(byte[] bytes, string name, EngineTarget target)
    {
        var root = JsonInput.Parse(bytes, name).Object(Key);
        var rows = JsonRows.Read(root[Key]);
        var experts = EngineChecks.Experts(rows);
        var numbers = target.MoeLayers ?? [.. Enumerable.Range(0, rows.Length).SkipWhile(l => IsFiller(rows[l], experts))];
        if (numbers.Count == 0)
            numbers = [.. Enumerable.Range(0, rows.Length)];
        if (numbers[^1] >= rows.Length)
            throw new InvalidInputException($"{name}: {Key}", $"{rows.Length} rows", $"a row for each layer up to {numbers[^1]}");
        return new EnginePlan(experts, target.Devices, numbers, [.. numbers.Select(layer => rows[layer])], name);
    }

    private static int[]? RowOf(EnginePlan plan, int layer)
    {
        for (var l = 0; l < plan.MoeLayers.Count; l++)
            if (plan.MoeLayers[l] == layer)
                return plan.SlotExperts[l];
        return null;
    }

    private static bool IsFiller(int[] row, int experts) => row.AsSpan().SequenceEqual(EngineChecks.Filler(experts, row.Length));
}

/// <summary>Rows of expert numbers in JSON, one a line.</summary>
internal static class JsonRows
{
    public static void Write(Utf8JsonWriter writer, int[] row) => writer.WriteRow(items =>
    {
        items.WriteStartArray();
        foreach (var expert in row)
            items.WriteNumberValue(expert);
        items.WriteEndArray();
    });

    public static int[][] Read(JsonInput input)
    {
        var rows = Array.ConvertAll(input.Items(), ReadRow);
        return rows.Length > 0 ? rows : throw input.Wrong("at least one layer");
    }

    public static int[] ReadRow(JsonInput input) =>
        Array.ConvertAll(input.Items(), item => (int)item.Integer(0, Plans.PlanLimits.MaxExperts - 1));
}
