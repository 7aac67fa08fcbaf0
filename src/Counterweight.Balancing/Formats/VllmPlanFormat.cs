using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>vLLM's proposed <c>initial_expert_map_path</c>: <c>[[slots] × MoE layers]</c>, or one list for all layers.</summary>
internal sealed class VllmPlanFormat : IEnginePlanFormat
{
    public string Name => "vllm";

    public string Ending => ".json";

    public IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target) =>
    [
        .. EngineChecks.UnequalLayers(plan, "vLLM"),
        .. EngineChecks.LayersBeyond(plan, target),
        .. EngineChecks.Duplicates(plan, isError: false, "vLLM loads it twice and the second copy takes no load off the device"),
        new EngineFinding(false,
            "vLLM's main branch has no option for a static plan: this file needs a build with initial_expert_map_path."),
    ];

    public void Write(EnginePlan plan, EngineTarget target, Stream stream)
    {
        EngineChecks.ThrowFirst(Check(plan, target), "vLLM");
        JsonOutput.Write(stream, "plan", writer =>
        {
            writer.WriteStartArray();
            foreach (var row in plan.SlotExperts)
                JsonRows.Write(writer, row);
            writer.WriteEndArray();
        }, check: _ => { });
    }

    public EnginePlan Read(byte[] bytes, string name, EngineTarget target)
    {
        var root = JsonInput.Parse(bytes, name);
        var items = root.Items();
        var isSingle = items.Length > 0 && items[0].Element.ValueKind == System.Text.Json.JsonValueKind.Number;
        var layers = target.MoeLayers?.Count ?? 1;
        var rows = isSingle ? [.. Enumerable.Repeat(JsonRows.ReadRow(root), layers)] : JsonRows.Read(root);
        return new EnginePlan(EngineChecks.Experts(rows), target.Devices, EngineChecks.MoeLayers(target, rows.Length, name), rows, name);
    }
}
