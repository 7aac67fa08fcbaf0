using System.Text.Json.Nodes;

namespace Counterweight.Evaluation.Scoring;

/// <summary>A scored or answered request of a document.</summary>
/// <param name="Context">Text before what was scored; null for a whole text.</param>
/// <param name="Continuation">The text that was scored.</param>
/// <param name="LogLikelihood">0 where a text was written; else natural-log probability of the continuation after the context, at most 0.</param>
/// <param name="Greedy">Whether each of its tokens was the most probable one.</param>
/// <param name="ContextTokens">Tokens of the context, before any were dropped.</param>
/// <param name="ContinuationTokens">Tokens that were scored.</param>
/// <param name="DroppedTokens">Tokens cut from the left end of the context.</param>
/// <param name="Windows">Model inputs that it took.</param>
public sealed record RequestResult(
    string? Context,
    string Continuation,
    double LogLikelihood,
    bool Greedy,
    int ContextTokens,
    int ContinuationTokens,
    int DroppedTokens,
    int Windows)
{
    /// <summary>What the model wrote after the context; null where a text was scored.</summary>
    public string? Response { get; init; }

    internal bool IsWholeText => Context is null;
}

/// <summary>A metric of one sample.</summary>
/// <param name="Name">Name of the metric.</param>
/// <param name="Value">Its value; a log-likelihood where the metric is a perplexity.</param>
/// <param name="Weight">Words or bytes that a log-likelihood spreads over; null where the metric is a mean over samples.</param>
public readonly record struct SampleMetric(string Name, double Value, double? Weight = null);

/// <summary>A document with the model's answers and the document's metrics.</summary>
/// <param name="Task">The task, never a group.</param>
/// <param name="Id">Index of the document in the task's data.</param>
/// <param name="Target">The right choice (index or text); the scored text for perplexities.</param>
/// <param name="Metrics">The document's metrics.</param>
/// <param name="Requests">One for each choice; one for a whole text.</param>
public sealed record SampleResult(
    string Task,
    int Id,
    JsonNode Target,
    IReadOnlyList<SampleMetric> Metrics,
    IReadOnlyList<RequestResult> Requests)
{
    /// <summary>What each filter took out of the response, by its name; null where nothing was written.</summary>
    public IReadOnlyDictionary<string, string>? Filtered { get; init; }

    /// <summary>The metric of that name.</summary>
    /// <exception cref="ArgumentException">The sample has no such metric.</exception>
    public SampleMetric Metric(string name)
    {
        foreach (var metric in Metrics)
            if (metric.Name == name)
                return metric;
        throw new ArgumentException($"sample {Task} {Id} has no metric {name}", nameof(name));
    }
}
