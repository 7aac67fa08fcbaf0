using System.Text.Json;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;

namespace Counterweight.Planner.Verbs;

/// <summary>The figures of <c>inspect</c> as JSON.</summary>
internal static class InspectJson
{
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<ImportedLoads> traces)
    {
        writer.WriteStartArray("traces");
        foreach (var loads in traces)
        {
            writer.WriteStartObject();
            writer.WriteString("name", loads.Trace.Name);
            writer.WriteString("phase", loads.Trace.Phase.ToString().ToLowerInvariant());
            writer.WriteNumber("windows", loads.Trace.Windows.Count);
            writer.WriteNumber("experts", loads.Trace.Total.Experts);
            writer.WriteStartArray("layers");
            for (var l = 0; l < loads.Trace.Total.Layers; l++)
                WriteLayer(writer, loads.MoeLayers[l], loads.Trace.Total[l].ToArray());
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    public static void Write(Utf8JsonWriter writer, EnginePlan plan, Plan? own)
    {
        writer.WriteNumber("experts", plan.Experts);
        writer.WriteNumber("devices", plan.Devices);
        writer.WriteNumber("redundantExperts", plan.RedundantExperts);
        writer.WriteStartArray("layers");
        for (var l = 0; l < plan.SlotExperts.Length; l++)
        {
            writer.WriteStartObject();
            writer.WriteNumber("layer", plan.MoeLayers[l]);
            writer.WriteNumber("slots", plan.SlotExperts[l].Length);
            writer.WriteNumber("mostCopies", plan.CopiesOf(l).Max());
            writer.WriteNumber("replicatedExperts", plan.CopiesOf(l).Count(count => count > 1));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        if (own is not null)
            WriteOwn(writer, own);
    }

    private static void WriteLayer(Utf8JsonWriter writer, int layer, long[] loads)
    {
        writer.WriteStartObject();
        writer.WriteNumber("layer", layer);
        writer.WriteNumber("load", loads.Sum());
        writer.WriteNumber("lis", LoadImbalance.MaxOverMean(loads));
        writer.WriteNumber("heavyHitter", Array.IndexOf(loads, loads.Max()));
        writer.WriteNumber("expertsWithoutLoad", loads.Count(count => count == 0));
        writer.WriteEndObject();
    }

    private static void WriteOwn(Utf8JsonWriter writer, Plan own)
    {
        writer.WriteString("policy", own.Policy.Name);
        writer.WriteNumber("originalBytes", own.Budget.OriginalBytes);
        writer.WriteNumber("plannedBytes", own.Budget.PlannedBytes);
        writer.WriteNumber("forecastDeviceImbalance", own.Forecast.DeviceImbalance);
        writer.WriteStartObject("slotsByPrecision");
        foreach (var group in own.Layers.SelectMany(layer => layer.Slots).GroupBy(slot => slot.Precision).OrderBy(group => group.Key))
            writer.WriteNumber(group.Key.Name(), group.Count());
        writer.WriteEndObject();
    }
}
