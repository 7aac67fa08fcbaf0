using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <param name="Context">Text before the target.</param>
/// <param name="Target">What should follow, with the space that separates it.</param>
internal sealed record CompletionDocument(string Context, string Target) : IPromptDocument
{
    /// <summary>The reference puts its own delimiter in front of the target's space.</summary>
    public string Example { get; init; } = $"{Context}{ChoiceDocument.Delimiter}{Target}";
}

/// <summary>A task that asks how probable one completion is, and whether it is the most probable one.</summary>
internal sealed class CompletionTask(string name, Func<TaskData, IEnumerable<CompletionDocument>> read) : PromptedTask<CompletionDocument>(name, read)
{
    private const string Perplexity = "perplexity";
    private const string Accuracy = "acc";

    public override string OutputType => "loglikelihood";

    public override IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics => [(Perplexity, false), (Accuracy, true)];

    protected override TaskDocument Sample(int id, CompletionDocument document, PromptStart start) => new CompletionSample(id, document, start);

    /// <summary>
    /// exp(−mean log-likelihood) of a target. Its standard error is perplexity · standard error of the mean log-likelihood (delta method); the reference resamples,
    /// which comes to the same for many samples.
    /// </summary>
    internal override IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples)
    {
        var mean = MetricValue.MeanOf(Perplexity, samples);
        var perplexity = Math.Exp(-mean.Value);
        return [new MetricValue(Perplexity, perplexity, perplexity * mean.StandardError), MetricValue.MeanOf(Accuracy, samples)];
    }

    private sealed class CompletionSample(int id, CompletionDocument document, PromptStart start) : TaskDocument(id)
    {
        public override JsonNode Target => document.Target;

        public override DocumentRequest[] Requests(RequestTokenizer tokenizer) => [tokenizer.Continuation(start.Text + document.Context, document.Target)];

        public override bool Matches(SampleResult logged) =>
            logged.Requests is [var request] && request.Context == start.Text + document.Context && request.Continuation == document.Target;

        public override IReadOnlyList<SampleMetric> Judge(IReadOnlyList<RequestResult> scored) =>
            [new(Perplexity, scored[0].LogLikelihood), new(Accuracy, scored[0].Greedy ? 1 : 0)];
    }
}
