using Counterweight.Balancing.EnginePlanning;

namespace Counterweight.Balancing.Formats;

/// <summary>vllm-ascend's <c>expert_map_path</c> (also MindIE): layers of devices of experts, MoE layers counted from 0.</summary>
internal sealed class AscendPlanFormat : IEnginePlanFormat
{
    public string Name => "vllm-ascend";

    public string Ending => ".json";

    public IReadOnlyList<EngineFinding> Check(EnginePlan plan, EngineTarget target) =>
    [
        .. EngineChecks.Duplicates(plan, isError: true, "the second copy would shadow the first and shift all slots after it"),
        .. EngineChecks.UnequalLayers(plan, "vllm-ascend"),
        .. EngineChecks.LayersBeyond(plan, target),
        new EngineFinding(false, "vllm-ascend reads this file with model runner V1 only."),
    ];

    public void Write(EnginePlan plan, EngineTarget target, Stream stream)
    {
        EngineChecks.ThrowFirst(Check(plan, target), "vllm-ascend");
        JsonOutput.Write(stream, "plan", writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("moe_layer_count", plan.SlotExperts.Length);
            writer.WriteStartArray("layer_list");
            for (var l = 0; l < plan.SlotExperts.Length; l++)
            {
                writer.WriteStartObject();
                writer.WriteNumber("layer_id", l);
                writer.WriteNumber("device_count", plan.Devices);
                writer.WriteStartArray("device_list");
                WriteDevices(writer, plan.SlotExperts[l], plan.SlotsPerDevice(l));
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }, check: _ => { });
    }

    public EnginePlan Read(byte[] bytes, string name, EngineTarget target)
    {
        var root = JsonInput.Parse(bytes, name).Object("moe_layer_count", "layer_list");
        var layers = root["layer_list"].Items();
        if (root["moe_layer_count"].Integer(1, int.MaxValue) != layers.Length)
            throw root["moe_layer_count"].Wrong($"{layers.Length}, the length of layer_list");
        var devices = layers[0].Object("layer_id", "device_count", "device_list")["device_list"].Items().Length;
        var rows = Array.ConvertAll(layers, layer => ReadLayer(layer, devices));
        return new EnginePlan(EngineChecks.Experts(rows), devices, EngineChecks.MoeLayers(target, rows.Length, name), rows, name);
    }

    private static void WriteDevices(System.Text.Json.Utf8JsonWriter writer, int[] slots, int width)
    {
        for (var d = 0; d * width < slots.Length; d++)
        {
            var (device, experts) = (d, slots.AsSpan(d * width, width).ToArray());
            writer.WriteRow(row =>
            {
                row.WriteStartObject();
                row.WriteNumber("device_id", device);
                row.WriteStartArray("device_expert");
                foreach (var expert in experts)
                    row.WriteNumberValue(expert);
                row.WriteEndArray();
                row.WriteEndObject();
            });
        }
    }

    private static int[] ReadLayer(JsonInput layer, int devices)
    {
        var list = layer.Object("layer_id", "device_count", "device_list")["device_list"].Items();
        if (list.Length != devices || layer["device_count"].Integer(1, int.MaxValue) != devices)
            throw layer["device_count"].Wrong($"{devices} devices in every layer");
        var slots = Array.ConvertAll(list, device => JsonRows.ReadRow(device.Object("device_id", "device_expert")["device_expert"]));
        for (var d = 0; d < slots.Length; d++)
        {
            if (slots[d].Length != slots[0].Length)
                throw list[d]["device_expert"].Error($"{slots[d].Length} experts", $"{slots[0].Length}, as on the first device");
            if (slots[d].Distinct().Count() != slots[d].Length)
                throw list[d]["device_expert"].Error("an expert twice", "every expert at most once on a device");
        }
        return [.. slots.SelectMany(device => device)];
    }
}
