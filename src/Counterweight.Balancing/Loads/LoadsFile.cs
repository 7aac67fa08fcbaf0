using System.Text.Json;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Loads;

/// <summary>Writes and reads <c>loads.json</c>, as documented in <c>docs/loads-format.md</c>.</summary>
public static class LoadsFile
{
    internal const string Format = "counterweight.loads";
    internal const int Version = 1;

    // Sums over a million windows stay below 2^63.
    private const long MaxTokens = 1_000_000_000_000;

    private static readonly string[] PhaseNames = ["mixed", "prefill", "decode"];

    /// <summary>Writes loads: equal loads give equal bytes.</summary>
    /// <exception cref="InvalidInputException">The loads break a rule of the format; nothing has been written.</exception>
    public static void Write(RecordedLoads loads, Stream stream)
    {
        JsonOutput.Write(stream, "loads", writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("format", Format);
            writer.WriteNumber("version", Version);
            FingerprintJson.Write(writer, loads.Model);
            writer.WriteStartArray("traces");
            foreach (var trace in loads.Traces)
                WriteTrace(writer, trace);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }, check: input => Read(input));
    }

    /// <summary>Reads and validates a loads file.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is not valid: names the JSON path.</exception>
    public static RecordedLoads Read(string path) => Read(JsonInput.Parse(path));

    /// <summary>Reads and validates loads.</summary>
    /// <param name="stream">The JSON text in UTF-8.</param>
    /// <param name="name">What messages call it, for example the file name.</param>
    /// <exception cref="InvalidInputException">The text is not valid: names the JSON path.</exception>
    public static RecordedLoads Read(Stream stream, string name) => Read(JsonInput.Parse(stream, name));

    private static void WriteTrace(Utf8JsonWriter writer, LoadTrace trace)
    {
        writer.WriteStartObject();
        writer.WriteString("name", trace.Name);
        writer.WriteString("phase", PhaseNames[(int)trace.Phase]);
        writer.WriteStartArray("windows");
        for (var w = 0; w < trace.Windows.Count; w++)
        {
            writer.WriteStartObject();
            writer.WriteString("name", trace.WindowNames[w]);
            writer.WriteStartArray("tokens");
            for (var l = 0; l < trace.Windows[w].Layers; l++)
                writer.WriteRow(row => WriteLayer(row, trace.Windows[w][l]));
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteLayer(Utf8JsonWriter row, ReadOnlySpan<long> tokens)
    {
        row.WriteStartArray();
        foreach (var count in tokens)
            row.WriteNumberValue(count);
        row.WriteEndArray();
    }

    private static RecordedLoads Read(JsonInput root)
    {
        PlanReader.CheckFormat(root, Format, Version);
        root.Object("format", "version", "model", "traces");
        var model = FingerprintJson.Read(root["model"]);
        var inputs = root["traces"].Items();
        if (inputs.Length == 0)
            throw root["traces"].Wrong("at least one trace");
        var traces = Array.ConvertAll(inputs, input => ReadTrace(input, model));
        CheckTraces(inputs, traces);
        return new RecordedLoads(model, traces);
    }

    private static LoadTrace ReadTrace(JsonInput input, ModelFingerprint model)
    {
        input.Object("name", "phase", "windows");
        var phase = Array.IndexOf(PhaseNames, input["phase"].Text());
        if (phase < 0)
            throw input["phase"].Wrong("one of " + string.Join(", ", PhaseNames));
        var windows = input["windows"].Items();
        if (windows.Length == 0)
            throw input["windows"].Wrong("at least one window");
        var names = Array.ConvertAll(windows, window => window.Object("name", "tokens")["name"].Name());
        return new LoadTrace(input["name"].Name(), Array.ConvertAll(windows, window => ReadTokens(window["tokens"], model)), (LoadPhase)phase, names);
    }

    private static ExpertLoads ReadTokens(JsonInput input, ModelFingerprint model)
    {
        var layers = input.Items();
        if (layers.Length != model.MoeLayers.Count)
            throw input.Error($"{layers.Length} layers", $"a row for each of the {model.MoeLayers.Count} MoE layers");
        foreach (var row in layers)
            if (row.Items().Length is var counts && counts != model.Experts)
                throw row.Error($"{counts} counts", $"one for each of the {model.Experts} experts");
        var window = new ExpertLoads(model.MoeLayers.Count, model.Experts);
        for (var l = 0; l < layers.Length; l++)
        {
            var counts = layers[l].Items();
            for (var e = 0; e < counts.Length; e++)
                window[l][e] = counts[e].Integer(0, MaxTokens);
        }
        return window;
    }

    private static void CheckTraces(JsonInput[] inputs, LoadTrace[] traces)
    {
        var seen = new HashSet<(string, LoadPhase)>();
        for (var t = 0; t < traces.Length; t++)
            if (!seen.Add((traces[t].Name, traces[t].Phase)))
                throw inputs[t].Error($"a second trace \"{traces[t].Name}\" of phase {PhaseNames[(int)traces[t].Phase]}",
                    "names that are unique within a phase");
    }
}
