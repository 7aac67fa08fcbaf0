using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A task whose documents offer choices; the model's choice is the most probable continuation.</summary>
public sealed class MultipleChoiceTask : EvaluationTask
{
    private readonly Func<TaskData, IEnumerable<ChoiceDocument>> _read;

    internal MultipleChoiceTask(string name, Func<TaskData, IEnumerable<ChoiceDocument>> read) : base(name) => _read = read;

    /// <summary>Stands once in front of everything.</summary>
    internal string Description { get; init; } = "";

    internal IReadOnlyList<ChoiceMetric> ChoiceMetrics { get; init; } = [ChoiceMetric.Accuracy];

    /// <summary>Documents whose first k are the examples; null: examples are drawn from the task's own documents.</summary>
    internal Func<TaskData, IEnumerable<ChoiceDocument>>? ReadExamples { get; init; }

    /// <summary>Whether examples can stand in front of a document.</summary>
    internal bool TakesExamples { get; init; } = true;

    /// <summary>Logs name the right choice by its text, not by its index.</summary>
    internal bool TargetIsText { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics => [.. ChoiceMetrics.Select(metric => (metric.Name, true))];

    internal override LoadedTask Load(TaskData data, TaskOptions options)
    {
        var all = _read(data).ToArray();
        if (all.Length == 0)
            throw new InvalidInputException(Name, "no documents", "at least one in its data");
        var documents = all[..Math.Min(all.Length, options.Limit ?? all.Length)];
        var fewShot = TakesExamples ? options.FewShot : 0;
        var examples = Examples(data, all, documents.Length, options with { FewShot = fewShot });
        var samples = documents.Select((document, id) => new ChoiceSample(id, document, examples[id], this));
        return new LoadedTask(this, fewShot, all.Length, [.. samples]);
    }

    internal override IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples) =>
        [.. ChoiceMetrics.Select(metric => MetricValue.MeanOf(metric.Name, samples))];

    internal JsonNode TargetOf(ChoiceDocument document) => TargetIsText ? document.Choices[document.Gold] : document.Gold;

    private IReadOnlyList<ChoiceDocument>[] Examples(TaskData data, ChoiceDocument[] all, int documents, TaskOptions options)
    {
        if (options.FewShot == 0)
            return [.. Enumerable.Repeat<IReadOnlyList<ChoiceDocument>>([], documents)];
        if (ReadExamples is null)
            return FewShotSampler.Draw(Name, all, documents, options);
        ChoiceDocument[] first = [.. ReadExamples(data).Take(options.FewShot)];
        return first.Length == options.FewShot
            ? [.. Enumerable.Repeat(first, documents)]
            : throw FewShotSampler.TooMany(Name, options.FewShot, first.Length);
    }
}
