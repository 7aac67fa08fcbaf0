using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks.Metrics;

namespace Counterweight.Evaluation.Tasks;

/// <param name="Context">The prompt.</param>
/// <param name="Target">The right answer, as it is logged, compared and shown in examples.</param>
internal sealed record GenerationDocument(string Context, string Target) : IPromptDocument
{
    /// <summary>Right and wrong answers, where an answer is compared with several.</summary>
    public ReferenceAnswers? References { get; init; }

    /// <summary>The answer that an example shows, where it is more than the target.</summary>
    public string? ShownAnswer { get; init; }

    public string Example => $"{Context}{ChoiceDocument.Delimiter}{ShownAnswer ?? Target}";
}

/// <summary>Metrics of one filtered answer, by the names without the filter.</summary>
internal delegate IReadOnlyList<SampleMetric> JudgeAnswer(GenerationDocument document, string answer);

/// <summary>A task whose answers the model writes: greedily, until a stop string. Every filter takes its answer out of the same text.</summary>
internal sealed class GenerationTask(string name, Func<TaskData, IEnumerable<GenerationDocument>> read) : PromptedTask<GenerationDocument>(name, read)
{
    public const int DefaultMaxTokens = 256;

    public required IReadOnlyList<string> Stops { get; init; }

    public int MaxTokens { get; init; } = DefaultMaxTokens;

    public IReadOnlyList<ResponseFilter> Filters { get; init; } = [ResponseFilter.None];

    public required IReadOnlyList<string> MetricNames { get; init; }

    public required JudgeAnswer Judge { get; init; }

    public override string OutputType => "generate_until";

    public override IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics =>
        [.. Filters.SelectMany(filter => MetricNames.Select(metric => (MetricName.Of(metric, filter.Name), true)))];

    protected override TaskDocument Sample(int id, GenerationDocument document, PromptStart start) => new GenerationSample(id, document, start, this);

    internal override IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples) =>
        [.. Metrics.Select(metric => MetricValue.MeanOf(metric.Name, samples))];

    private sealed class GenerationSample(int id, GenerationDocument document, PromptStart start, GenerationTask task) : TaskDocument(id)
    {
        public override JsonNode Target => document.Target;

        public override DocumentRequest[] Requests(RequestTokenizer tokenizer) =>
            [tokenizer.Generation(start.Text + document.Context, task.Stops, task.MaxTokens)];

        public override bool Matches(SampleResult logged) => logged.Requests is [{ Response: not null } request] && request.Context == start.Text + document.Context;

        public override IReadOnlyList<SampleMetric> Judge(IReadOnlyList<RequestResult> answered) =>
            [.. task.Filters.SelectMany(filter => task.Judge(document, filter.Apply(answered[0].Response!))
                .Select(metric => metric with { Name = MetricName.Of(metric.Name, filter.Name) }))];

        public override IReadOnlyDictionary<string, string>? Filtered(IReadOnlyList<RequestResult> answered) =>
            task.Filters.ToDictionary(filter => filter.Name, filter => filter.Apply(answered[0].Response!));
    }
}
