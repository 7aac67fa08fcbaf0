using System.Text.Encodings.Web;
using System.Text.Json;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Results in the layout of lm-evaluation-harness, so that its readers take them.</summary>
public static class ResultsJson
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON document.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="results">What was found.</param>
    /// <param name="started">When the run started.</param>
    public static void Write(Stream stream, EvaluationResults results, DateTimeOffset started)
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
        WriteConfigs(json, results.Tasks);
        WriteTasks(json, results);
        WriteConfig(json, results);
        json.WriteNumber("date", started.ToUnixTimeMilliseconds() / 1000.0);
        WriteHashes(json, results.Samples);
        json.WriteString("model_name", results.Options.Model);
        json.WriteEndObject();
    }

    private static void WriteMetrics(Utf8JsonWriter json, string name, IReadOnlyList<MetricValue> metrics, int samples)
    {
        json.WriteStartObject(name);
        json.WriteString("alias", name);
        json.WriteNumber("sample_len", samples);
        foreach (var (fullName, value, standardError) in metrics)
        {
            var (metric, filter) = MetricName.Split(fullName);
            json.WriteNumber(MetricName.Of(metric, filter), value);
            if (standardError is { } known)
                json.WriteNumber(MetricName.Of($"{metric}_stderr", filter), known);
            else
                json.WriteString(MetricName.Of($"{metric}_stderr", filter), "N/A");
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

    private static void WriteConfigs(Utf8JsonWriter json, IReadOnlyList<TaskResult> tasks)
    {
        json.WriteStartObject("configs");
        foreach (var task in tasks)
        {
            json.WriteStartObject(task.Name);
            json.WriteString("task", task.Name);
            json.WriteString("output_type", task.OutputType);
            json.WriteNumber("num_fewshot", task.FewShot);
            json.WriteStartArray("metric_list");
            foreach (var (name, isHigherBetter) in OwnNames(task.Metrics, task.HigherIsBetter))
            {
                json.WriteStartObject();
                json.WriteString("metric", name);
                json.WriteBoolean("higher_is_better", isHigherBetter);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartObject("metadata");
            json.WriteNumber("version", task.Version);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteTasks(Utf8JsonWriter json, EvaluationResults results)
    {
        var tasks = results.Tasks;
        json.WriteStartObject("versions");
        foreach (var group in results.Groups)
            json.WriteNumber(group.Name, group.Version);
        foreach (var task in tasks)
            json.WriteNumber(task.Name, task.Version);
        json.WriteEndObject();
        json.WriteStartObject("n-shot");
        foreach (var task in tasks)
            json.WriteNumber(task.Name, task.FewShot);
        json.WriteEndObject();
        json.WriteStartObject("higher_is_better");
        foreach (var group in results.Groups)
            WriteDirections(json, group.Name, group.Metrics, group.HigherIsBetter);
        foreach (var task in tasks)
            WriteDirections(json, task.Name, task.Metrics, task.HigherIsBetter);
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

    private static void WriteDirections(Utf8JsonWriter json, string name, IReadOnlyList<MetricValue> metrics, IReadOnlyList<bool> higherIsBetter)
    {
        json.WriteStartObject(name);
        foreach (var (metric, isHigherBetter) in OwnNames(metrics, higherIsBetter))
            json.WriteBoolean(metric, isHigherBetter);
        json.WriteEndObject();
    }

    /// <summary>Metrics without their filters, each once.</summary>
    private static IEnumerable<(string Name, bool HigherIsBetter)> OwnNames(IReadOnlyList<MetricValue> metrics, IReadOnlyList<bool> higherIsBetter) =>
        metrics.Zip(higherIsBetter, (metric, isHigherBetter) => (MetricName.Split(metric.Name).Metric, isHigherBetter)).Distinct();

    /// <summary>A hash over the samples of each task: equal ones were asked the same.</summary>
    private static void WriteHashes(Utf8JsonWriter json, IReadOnlyList<SampleResult> samples)
    {
        json.WriteStartObject("task_hashes");
        foreach (var task in samples.GroupBy(sample => sample.Task))
            json.WriteString(task.Key, SampleHashes.OfTask(task));
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
