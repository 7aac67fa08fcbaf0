using System.Text.Json;

namespace Counterweight.Balancing.Plans;

/// <summary>The <c>model</c> object of plan and load files.</summary>
internal static class FingerprintJson
{
    public static void Write(Utf8JsonWriter writer, ModelFingerprint model)
    {
        writer.WriteStartObject("model");
        writer.WriteString("modelType", model.ModelType);
        writer.WriteInline("moeLayers", row =>
        {
            row.WriteStartArray();
            foreach (var layer in model.MoeLayers)
                row.WriteNumberValue(layer);
            row.WriteEndArray();
        });
        writer.WriteNumber("experts", model.Experts);
        writer.WriteNumber("topK", model.TopK);
        writer.WriteString("weightsHash", model.WeightsHash);
        writer.WriteEndObject();
    }

    public static ModelFingerprint Read(JsonInput input)
    {
        input.Object("modelType", "moeLayers", "experts", "topK", "weightsHash");
        var experts = (int)input["experts"].Integer(1, PlanLimits.MaxExperts);
        return new ModelFingerprint(
            input["modelType"].Name(),
            ReadLayers(input["moeLayers"]),
            experts,
            (int)input["topK"].Integer(1, experts),
            ReadHash(input["weightsHash"]));
    }

    private static int[] ReadLayers(JsonInput input)
    {
        var items = input.Items();
        if (items.Length == 0)
            throw input.Wrong("at least one layer number");
        var layers = new int[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            layers[i] = (int)items[i].Integer(0, PlanLimits.MaxLayer);
            if (i > 0 && layers[i] <= layers[i - 1])
                throw items[i].Wrong($"a number above {layers[i - 1]}: layers ascend");
        }
        return layers;
    }

    private static string? ReadHash(JsonInput input)
    {
        if (input.IsNull)
            return null;
        var hash = input.Text();
        return hash.Length == 64 && hash.All(char.IsAsciiHexDigitLower) ? hash : throw input.Wrong("64 lower-case hex digits or null");
    }
}
