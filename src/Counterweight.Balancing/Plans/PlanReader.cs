using System.Text.Json;

namespace Counterweight.Balancing.Plans;

/// <summary>Reads the JSON of a plan file: types, keys and ranges here, the rules between fields in <see cref="PlanValidator"/>.</summary>
internal static class PlanReader
{
    public static Plan Read(JsonInput root)
    {
        CheckFormat(root, PlanFile.Format, PlanFile.Version);
        root.Object("format", "version", "model", "devices", "layers", "budget", "policy", "forecast");
        var plan = new Plan(
            FingerprintJson.Read(root["model"]),
            (int)root["devices"].Integer(1, PlanLimits.MaxDevices),
            Array.ConvertAll(root["layers"].Items(), ReadLayer),
            ReadBudget(root["budget"]),
            ReadPolicy(root["policy"]),
            ReadForecast(root["forecast"]));
        PlanValidator.Check(plan, root.File);
        return plan;
    }

    /// <summary>Looks at format and version before anything else, so that a file of another kind is called by its name.</summary>
    public static void CheckFormat(JsonInput root, string format, int version)
    {
        if (root.Element.ValueKind != JsonValueKind.Object)
            throw root.Wrong($"an object of format \"{format}\"");
        if (!root.Element.TryGetProperty("format", out _) || !root.Element.TryGetProperty("version", out _))
            throw root.Error("no format and version", $"format \"{format}\", version {version}");
        if (root["format"].Text() != format)
            throw root["format"].Wrong($"\"{format}\"");
        if (root["version"].Integer(0, int.MaxValue) != version)
            throw root["version"].Wrong($"version {version}");
    }

    private static LayerPlan ReadLayer(JsonInput input)
    {
        input.Object("layer", "slots");
        var layer = (int)input["layer"].Integer(0, PlanLimits.MaxLayer);
        return new LayerPlan(layer, Array.ConvertAll(input["slots"].Items(), ReadSlot));
    }

    private static Slot ReadSlot(JsonInput input)
    {
        input.Object("expert", "precision", "device");
        return new Slot(
            (int)input["expert"].Integer(0, PlanLimits.MaxExperts),
            ReadPrecision(input["precision"]),
            (int)input["device"].Integer(0, PlanLimits.MaxDevices));
    }

    private static Precision ReadPrecision(JsonInput input) =>
        PrecisionNames.TryParse(input.Text(), out var precision)
            ? precision
            : throw input.Wrong("one of " + string.Join(", ", PrecisionNames.All));

    private static PlanBudget ReadBudget(JsonInput input)
    {
        input.Object("originalBytes", "plannedBytes", "limit");
        return new PlanBudget(
            input["originalBytes"].Integer(1, long.MaxValue),
            input["plannedBytes"].Integer(1, long.MaxValue),
            input["limit"].Number(PlanLimits.MinBudget, PlanLimits.MaxBudget));
    }

    private static PlanPolicy ReadPolicy(JsonInput input)
    {
        input.Object("name", "options", "seed");
        var options = input["options"];
        if (options.Element.ValueKind != JsonValueKind.Object)
            throw options.Wrong("an object of strings");
        var values = new OrderedDictionary<string, string>();
        foreach (var option in options.Element.EnumerateObject())
            values.Add(option.Name, options[option.Name].Text());
        return new PlanPolicy(input["name"].Name(), values, input["seed"].Unsigned());
    }

    private static PlanForecast ReadForecast(JsonInput input)
    {
        // Max over mean is at least 1; the bound leaves room for rounding.
        const double One = 1 - 1e-9;
        input.Object("lis", "stragglerRatio", "deviceImbalance", "loss");
        return new PlanForecast(
            input["lis"].Number(One, PlanLimits.MaxSlots),
            input["stragglerRatio"].Number(0, PlanLimits.MaxSlots),
            input["deviceImbalance"].Number(One, PlanLimits.MaxDevices),
            input["loss"].IsNull ? null : input["loss"].Number(double.MinValue, double.MaxValue));
    }
}
