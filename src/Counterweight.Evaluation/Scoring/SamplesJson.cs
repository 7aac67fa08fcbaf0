using System.Globalization;
using System.Text.Json;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>The samples of a task as lm-evaluation-harness logs them: a JSON line for each document and filter.</summary>
public static class SamplesJson
{
    /// <summary>Writes all of them.</summary>
    public static void Write(Stream stream, IEnumerable<SampleResult> samples) =>
        SampleLog.WriteLines(stream, samples.SelectMany(sample => Filters(sample).Select(filter => (sample, filter))), (json, row) => Write(json, row.sample, row.filter));

    private static IEnumerable<string> Filters(SampleResult sample) => sample.Filtered?.Keys ?? [MetricName.NoFilter];

    private static void Write(Utf8JsonWriter json, SampleResult sample, string filter)
    {
        var metrics = sample.Metrics.Select(metric => (Name: MetricName.Split(metric.Name), metric.Value, metric.Weight))
            .Where(metric => metric.Name.Filter == filter).ToArray();
        json.WriteStartObject();
        json.WriteNumber("doc_id", sample.Id);
        WriteDocument(json, sample);
        json.WriteString("target", sample.Target.ToString());
        WriteArguments(json, sample);
        WriteResponses(json, "resps", sample, sample.Requests[0].Response, isNested: true);
        WriteResponses(json, "filtered_resps", sample, sample.Filtered?[filter], isNested: false);
        json.WriteString("filter", filter);
        json.WriteStartArray("metrics");
        foreach (var metric in metrics)
            json.WriteStringValue(metric.Name.Metric);
        json.WriteEndArray();
        json.WriteString("doc_hash", SampleHashes.OfDocument(sample));
        json.WriteString("prompt_hash", SampleHashes.OfPrompt(sample));
        json.WriteString("target_hash", SampleHashes.OfTarget(sample));
        foreach (var (name, value, weight) in metrics)
            WriteMetric(json, name.Metric, value, weight);
        json.WriteEndObject();
    }

    /// <summary>What the task made of the row of its data.</summary>
    private static void WriteDocument(Utf8JsonWriter json, SampleResult sample)
    {
        json.WriteStartObject("doc");
        json.WriteString("task", sample.Task);
        json.WriteNumber("index", sample.Id);
        json.WriteEndObject();
    }

    private static void WriteArguments(Utf8JsonWriter json, SampleResult sample)
    {
        json.WriteStartObject("arguments");
        for (var i = 0; i < sample.Requests.Count; i++)
        {
            var request = sample.Requests[i];
            json.WriteStartObject($"gen_args_{i}");
            json.WriteString("arg_0", request.Context ?? request.Continuation);
            if (request is { Context: not null, Response: null })
                json.WriteString("arg_1", request.Continuation);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteResponses(Utf8JsonWriter json, string name, SampleResult sample, string? text, bool isNested)
    {
        json.WriteStartArray(name);
        foreach (var request in sample.Requests)
        {
            if (isNested)
                json.WriteStartArray();
            if (text is not null)
                json.WriteStringValue(text);
            else
                WriteScore(json, request);
            if (isNested)
                json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    // lm-evaluation-harness turns what stands in the lists into texts, so that all rows of a file have one type.
    private static void WriteScore(Utf8JsonWriter json, RequestResult request)
    {
        var loglikelihood = request.LogLikelihood.ToString("R", CultureInfo.InvariantCulture);
        json.WriteStartArray();
        json.WriteStringValue(loglikelihood);
        if (!request.IsWholeText)
            json.WriteStringValue(request.Greedy ? "True" : "False");
        json.WriteEndArray();
    }

    private static void WriteMetric(Utf8JsonWriter json, string name, double value, double? weight)
    {
        if (weight is not { } units)
        {
            json.WriteNumber(name, value);
            return;
        }
        json.WriteStartArray(name);
        json.WriteNumberValue(value);
        json.WriteNumberValue(units);
        json.WriteEndArray();
    }
}
