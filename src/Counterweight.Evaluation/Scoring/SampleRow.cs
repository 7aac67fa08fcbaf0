using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Evaluation.Tasks;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Scoring;

/// <summary>One sample as a JSON object, both ways.</summary>
internal static class SampleRow
{
    public static void Write(Utf8JsonWriter json, SampleResult sample, int batch)
    {
        var requests = sample.Requests;
        var isShared = requests.All(request => request.Context == requests[0].Context);
        json.WriteStartObject();
        json.WriteString("task", sample.Task);
        json.WriteNumber("id", sample.Id);
        json.WriteNumber("batch", batch);
        json.WritePropertyName("target");
        sample.Target.WriteTo(json);
        WriteMetrics(json, sample.Metrics);
        if (isShared && !requests[0].IsWholeText)
            json.WriteString("context", requests[0].Context);
        if (requests[0].Response is not null)
            WriteResponse(json, requests[0], sample.Filtered!);
        json.WriteStartArray("requests");
        foreach (var request in requests.Where(request => request.Response is null))
            if (request.IsWholeText)
                WriteWholeText(json, request);
            else
                WriteContinuation(json, request, isShared);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The sample and the batch that it was asked in, 0 where the row does not say.</summary>
    public static (SampleResult Sample, int Batch) Parse(string where, string line)
    {
        var row = JsonRow.Parse(where, line);
        var shared = row.Has("context") ? row.AnyText("context") : null;
        var isWritten = row.Has("response");
        var sample = new SampleResult(
            row.Text("task"),
            row.Index("id", int.MaxValue),
            JsonNode.Parse(row.Field("target").GetRawText())!,
            [.. row.Field("metrics").EnumerateObject().Select(metric => ParseMetric(row, metric))],
            isWritten ? [ParseResponse(row)] : [.. row.Objects("requests").Select(request =>
                request.Has("text") ? ParseWholeText(request) : ParseContinuation(request, shared))])
        {
            Filtered = isWritten ? row.Field("filtered").EnumerateObject().ToDictionary(filter => filter.Name, filter => filter.Value.ToString()) : null,
        };
        return (sample, row.Has("batch") ? row.Index("batch", int.MaxValue) : 0);
    }

    private static void WriteMetrics(Utf8JsonWriter json, IReadOnlyList<SampleMetric> metrics)
    {
        json.WriteStartObject("metrics");
        foreach (var (name, value, weight) in metrics)
        {
            json.WritePropertyName(name);
            if (weight is not { } units)
            {
                json.WriteNumberValue(value);
                continue;
            }
            json.WriteStartArray();
            json.WriteNumberValue(value);
            json.WriteNumberValue(units);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteResponse(Utf8JsonWriter json, RequestResult request, IReadOnlyDictionary<string, string> filtered)
    {
        json.WriteString("response", request.Response);
        json.WriteStartObject("filtered");
        foreach (var (filter, answer) in filtered)
            json.WriteString(filter, answer);
        json.WriteEndObject();
        json.WriteNumber("context_tokens", request.ContextTokens);
        json.WriteNumber("dropped_tokens", request.DroppedTokens);
    }

    private static void WriteContinuation(Utf8JsonWriter json, RequestResult request, bool isShared)
    {
        var choice = request.Continuation.StartsWith(ChoiceDocument.Delimiter, StringComparison.Ordinal) ? request.Continuation[ChoiceDocument.Delimiter.Length..] : request.Continuation;
        json.WriteStartObject();
        if (!isShared)
            json.WriteString("context", request.Context);
        json.WriteString("continuation", request.Continuation);
        json.WriteNumber("loglikelihood", request.LogLikelihood);
        json.WriteBoolean("greedy", request.Greedy);
        json.WriteNumber("context_tokens", request.ContextTokens);
        json.WriteNumber("continuation_tokens", request.ContinuationTokens);
        json.WriteNumber("dropped_tokens", request.DroppedTokens);
        json.WriteNumber("choice_chars", PythonText.CodePoints(choice));
        json.WriteNumber("choice_bytes", Encoding.UTF8.GetByteCount(choice));
        json.WriteEndObject();
    }

    private static void WriteWholeText(Utf8JsonWriter json, RequestResult request)
    {
        json.WriteStartObject();
        json.WriteString("text", request.Continuation);
        json.WriteNumber("loglikelihood", request.LogLikelihood);
        json.WriteBoolean("greedy", request.Greedy);
        json.WriteNumber("tokens", request.ContinuationTokens);
        json.WriteNumber("windows", request.Windows);
        json.WriteNumber("bytes", Encoding.UTF8.GetByteCount(request.Continuation));
        json.WriteEndObject();
    }

    private static SampleMetric ParseMetric(JsonRow row, JsonProperty metric)
    {
        if (metric.Value.ValueKind != JsonValueKind.Array)
            return new SampleMetric(metric.Name, row.NumberOf(metric.Value, metric.Name));
        return metric.Value.GetArrayLength() == 2
            ? new SampleMetric(metric.Name, row.NumberOf(metric.Value[0], metric.Name), row.NumberOf(metric.Value[1], metric.Name))
            : throw row.Invalid($"metric {metric.Name} {metric.Value}", "a number, or a sum and its weight");
    }

    private static RequestResult ParseContinuation(JsonRow request, string? shared) => new(
        shared ?? request.AnyText("context"),
        request.Text("continuation"),
        request.Number("loglikelihood"),
        request.Flag("greedy"),
        request.Index("context_tokens", int.MaxValue),
        request.Index("continuation_tokens", int.MaxValue),
        request.Index("dropped_tokens", int.MaxValue),
        Windows: 1);

    private static RequestResult ParseResponse(JsonRow row) => new(
        row.AnyText("context"), "", 0, true, row.Index("context_tokens", int.MaxValue), 0, row.Index("dropped_tokens", int.MaxValue), 0)
    {
        Response = row.AnyText("response"),
    };

    private static RequestResult ParseWholeText(JsonRow request) => new(
        Context: null,
        request.Text("text"),
        request.Number("loglikelihood"),
        request.Has("greedy") && request.Flag("greedy"),
        ContextTokens: 0,
        request.Index("tokens", int.MaxValue),
        DroppedTokens: 0,
        request.Index("windows", int.MaxValue));
}
