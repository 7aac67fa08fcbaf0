using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tasks;

/// <summary>A task whose documents offer choices; the model's choice is the most probable continuation.</summary>
internal sealed class MultipleChoiceTask(string name, Func<TaskData, IEnumerable<ChoiceDocument>> read) : PromptedTask<ChoiceDocument>(name, read)
{
    public IReadOnlyList<ChoiceMetric> ChoiceMetrics { get; init; } = [ChoiceMetric.Accuracy];

    /// <summary>Logs name the right choice by its text, not by its index.</summary>
    public bool TargetIsText { get; init; }

    public override string OutputType => "multiple_choice";

    public override IReadOnlyList<(string Name, bool HigherIsBetter)> Metrics => [.. ChoiceMetrics.Select(metric => (metric.Name, true))];

    protected override TaskDocument Sample(int id, ChoiceDocument document, PromptStart start) => new ChoiceSample(id, document, start, this);

    internal override IReadOnlyList<MetricValue> Aggregate(IReadOnlyList<SampleResult> samples) =>
        [.. ChoiceMetrics.Select(metric => MetricValue.MeanOf(metric.Name, samples))];

    public JsonNode TargetOf(ChoiceDocument document) => TargetIsText ? document.Choices[document.Gold] : document.Gold;
}
