using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Statistics;

/// <summary>A metric of a task in two runs.</summary>
/// <param name="Task">The task.</param>
/// <param name="Metric">The metric.</param>
/// <param name="Paired">The difference over the samples.</param>
/// <param name="McNemar">For metrics that are 0 or 1 on every sample; null for others.</param>
public sealed record MetricComparison(string Task, string Metric, PairedComparison Paired, McNemarTest? McNemar);

/// <summary>Compares two evaluations of the same samples.</summary>
public static class RunComparison
{
    /// <summary>
    /// Every metric that is a mean over samples, task by task in their order. Perplexities of tasks are compared by
    /// <see cref="PerplexityOf"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">The runs have other samples or other requests.</exception>
    public static IReadOnlyList<MetricComparison> Of(IReadOnlyList<SampleResult> before, IReadOnlyList<SampleResult> after)
    {
        CheckSame(before, after);
        return [.. before.Zip(after).GroupBy(pair => pair.First.Task).SelectMany(task =>
            task.First().First.Metrics.Where(metric => metric.Weight is null).Select(metric => Compare(task.Key, metric.Name, [.. task])))];
    }

    /// <summary>A task of whole texts (<c>wikitext</c>) in two runs, document by document.</summary>
    /// <exception cref="InvalidInputException">The runs have other samples, or the task doesn't score whole texts.</exception>
    public static PerplexityComparison PerplexityOf(string task, IReadOnlyList<SampleResult> before, IReadOnlyList<SampleResult> after)
    {
        CheckSame(before, after);
        return PerplexityComparison.Of(Nats(task, before), Nats(task, after));
    }

    private static MetricComparison Compare(string task, string metric, (SampleResult Before, SampleResult After)[] pairs)
    {
        var before = Array.ConvertAll(pairs, pair => pair.Before.Metric(metric).Value);
        var after = Array.ConvertAll(pairs, pair => pair.After.Metric(metric).Value);
        var isBinary = McNemarTest.CanTest(before) && McNemarTest.CanTest(after);
        return new MetricComparison(task, metric, PairedComparison.Of(before, after), isBinary ? McNemarTest.Of(before, after) : null);
    }

    private static TextNats[] Nats(string task, IReadOnlyList<SampleResult> samples) =>
        [.. samples.Where(sample => sample.Task == task).Select(sample => sample.Requests is [{ IsWholeText: true } request]
            ? new TextNats(request.ContinuationTokens, System.Text.Encoding.UTF8.GetByteCount(request.Continuation), -request.LogLikelihood)
            : throw new InvalidInputException(task, "choices", "a task that scores whole texts"))];

    private static void CheckSame(IReadOnlyList<SampleResult> before, IReadOnlyList<SampleResult> after)
    {
        if (before.Count != after.Count)
            throw new InvalidInputException("runs to compare", $"{after.Count} samples", $"{before.Count}, as in the other run");
        for (var i = 0; i < before.Count; i++)
            if (before[i].Task != after[i].Task || before[i].Id != after[i].Id
                || !before[i].Requests.Select(Texts).SequenceEqual(after[i].Requests.Select(Texts)))
                throw new InvalidInputException("runs to compare", $"sample {after[i].Id} of {after[i].Task} in place {i}",
                    $"sample {before[i].Id} of {before[i].Task} with the same requests, as in the other run");
    }

    private static (string?, string) Texts(RequestResult request) => (request.Context, request.Continuation);
}
