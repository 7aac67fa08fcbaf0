using System.Text.Encodings.Web;
using System.Text.Json;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Results in the layout of lm-evaluation-harness, so that its readers take them.</summary>
public static class ResultsJson
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON document.</summary>
    public static void Write(Stream stream, EvaluationResults results)
    {
        using var json = new Utf8JsonWriter(stream, Indented);
        json.WriteStartObject();
        json.WriteStartObject("results");
        foreach (var group in results.Groups)
            WriteMetrics(json, group.Name, group.Metrics, group.Samples);
        foreach (var task in results.Tasks)
            WriteMetrics(json, task.Name, task.Metrics, task.Samples);
        json.WriteEndObject();
        WriteGroups(json, results.Groups);
        WriteTasks(json, results.Tasks);
        WriteConfig(json, results);
        json.WriteEndObject();
    }

    private static void WriteMetrics(Utf8JsonWriter json, string name, IReadOnlyList<MetricValue> metrics, int samples)
    {
        json.WriteStartObject(name);
        json.WriteString("alias", name);
        json.WriteNumber("sample_len", samples);
        foreach (var (metric, value, standardError) in metrics)
        {
            json.WriteNumber($"{metric},none", value);
            if (standardError is { } known)
                json.WriteNumber($"{metric}_stderr,none", known);
            else
                json.WriteString($"{metric}_stderr,none", "N/A");
        }
        json.WriteEndObject();
    }

    private static void WriteGroups(Utf8JsonWriter json, IReadOnlyList<GroupResult> groups)
    {
        json.WriteStartObject("groups");
        foreach (var group in groups)
            WriteMetrics(json, group.Name, group.Metrics, group.Samples);
        json.WriteEndObject();
        json.WriteStartObject("group_subtasks");
        foreach (var group in groups)
        {
            json.WriteStartArray(group.Name);
            foreach (var part in group.Parts)
                json.WriteStringValue(part);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteTasks(Utf8JsonWriter json, IReadOnlyList<TaskResult> tasks)
    {
        json.WriteStartObject("n-shot");
        foreach (var task in tasks)
            json.WriteNumber(task.Name, task.FewShot);
        json.WriteEndObject();
        json.WriteStartObject("higher_is_better");
        foreach (var task in tasks)
        {
            json.WriteStartObject(task.Name);
            foreach (var (metric, isHigherBetter) in task.Metrics.Zip(task.HigherIsBetter))
                json.WriteBoolean(metric.Name, isHigherBetter);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteStartObject("n-samples");
        foreach (var task in tasks)
        {
            json.WriteStartObject(task.Name);
            json.WriteNumber("original", task.Available);
            json.WriteNumber("effective", task.Samples);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteConfig(Utf8JsonWriter json, EvaluationResults results)
    {
        json.WriteStartObject("config");
        json.WriteString("model", results.Options.Model);
        json.WriteNumber("fewshot_seed", results.Options.Seed);
        if (results.Options.Limit is { } limit)
            json.WriteNumber("limit", limit);
        else
            json.WriteNull("limit");
        json.WriteEndObject();
    }
}
