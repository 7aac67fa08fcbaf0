using System.Text.Json;

namespace Counterweight.Balancing.Plans;

/// <summary>Writes and reads <c>plan.json</c>, as documented in <c>docs/plan-format.md</c>.</summary>
public static class PlanFile
{
    internal const string Format = "counterweight.plan";
    internal const int Version = 1;

    /// <summary>Writes a plan: equal plans give equal bytes.</summary>
    /// <exception cref="InvalidInputException">The plan breaks a rule of the format; nothing has been written.</exception>
    public static void Write(Plan plan, Stream stream)
    {
        JsonOutput.Write(stream, "plan", writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("format", Format);
            writer.WriteNumber("version", Version);
            FingerprintJson.Write(writer, plan.Model);
            writer.WriteNumber("devices", plan.Devices);
            WriteLayers(writer, plan.Layers);
            WriteBudget(writer, plan.Budget);
            WritePolicy(writer, plan.Policy);
            WriteForecast(writer, plan.Forecast);
            writer.WriteEndObject();
        }, check: input => PlanReader.Read(input));
    }

    /// <summary>Whether a file says near its start that it is a plan of this format; false where there is none.</summary>
    public static bool IsPlan(string path)
    {
        if (!File.Exists(path))
            return false;
        var start = new byte[256];
        using var stream = File.OpenRead(path);
        return start.AsSpan(0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)).IndexOf("\"counterweight.plan\""u8) >= 0;
    }

    /// <summary>Reads and validates a plan file.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is not a valid plan: names the JSON path.</exception>
    public static Plan Read(string path) => PlanReader.Read(JsonInput.Parse(path));

    /// <summary>Reads and validates a plan.</summary>
    /// <param name="stream">The JSON text in UTF-8.</param>
    /// <param name="name">What messages call it, for example the file name.</param>
    /// <exception cref="InvalidInputException">The text is not a valid plan: names the JSON path.</exception>
    public static Plan Read(Stream stream, string name) => PlanReader.Read(JsonInput.Parse(stream, name));

    private static void WriteLayers(Utf8JsonWriter writer, IReadOnlyList<LayerPlan> layers)
    {
        writer.WriteStartArray("layers");
        foreach (var layer in layers)
        {
            writer.WriteStartObject();
            writer.WriteNumber("layer", layer.Layer);
            writer.WriteStartArray("slots");
            foreach (var slot in layer.Slots)
                writer.WriteRow(row => WriteSlot(row, slot));
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteSlot(Utf8JsonWriter row, Slot slot)
    {
        row.WriteStartObject();
        row.WriteNumber("expert", slot.Expert);
        row.WriteString("precision", slot.Precision.Name());
        row.WriteNumber("device", slot.Device);
        row.WriteEndObject();
    }

    private static void WriteBudget(Utf8JsonWriter writer, PlanBudget budget)
    {
        writer.WriteStartObject("budget");
        writer.WriteNumber("originalBytes", budget.OriginalBytes);
        writer.WriteNumber("plannedBytes", budget.PlannedBytes);
        writer.WriteNumber("limit", budget.Limit);
        writer.WriteEndObject();
    }

    private static void WritePolicy(Utf8JsonWriter writer, PlanPolicy policy)
    {
        writer.WriteStartObject("policy");
        writer.WriteString("name", policy.Name);
        writer.WriteStartObject("options");
        foreach (var (name, value) in policy.Options)
            writer.WriteString(name, value);
        writer.WriteEndObject();
        writer.WriteNumber("seed", policy.Seed);
        writer.WriteEndObject();
    }

    private static void WriteForecast(Utf8JsonWriter writer, PlanForecast forecast)
    {
        writer.WriteStartObject("forecast");
        writer.WriteNumber("lis", forecast.Lis);
        writer.WriteNumber("stragglerRatio", forecast.StragglerRatio);
        writer.WriteNumber("deviceImbalance", forecast.DeviceImbalance);
        if (forecast.Loss is { } loss)
            writer.WriteNumber("loss", loss);
        else
            writer.WriteNull("loss");
        writer.WriteEndObject();
    }
}
