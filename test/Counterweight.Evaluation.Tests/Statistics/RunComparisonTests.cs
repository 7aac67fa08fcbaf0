using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Tests.Statistics;

public sealed class RunComparisonTests
{
    [Fact]
    public void Metrics_are_compared_task_by_task()
    {
        SampleResult[] before = [Choice("a", 0, 1, 0.2), Choice("a", 1, 0, 0.4), Choice("b", 0, 0, 0.5)];
        SampleResult[] after = [Choice("a", 0, 0, 0.3), Choice("a", 1, 0, 0.9), Choice("b", 0, 1, 0.5)];
        var comparisons = RunComparison.Of(before, after);
        Assert.Equal([("a", "acc"), ("a", "mass"), ("b", "acc"), ("b", "mass")],
            comparisons.Select(metric => (metric.Task, metric.Metric)));
        Assert.Equal((2, -0.5), (comparisons[0].Paired.Samples, comparisons[0].Paired.Difference.Value));
        Assert.Equal(new McNemarTest(1, 0), comparisons[0].McNemar);
        Assert.Equal(0.3, comparisons[1].Paired.Difference.Value, 1e-12);
        Assert.Null(comparisons[1].McNemar);
    }

    [Fact]
    public void Whole_texts_are_compared_as_perplexities()
    {
        SampleResult[] before = [Text(0, -20), Text(1, -31)];
        SampleResult[] after = [Text(0, -21), Text(1, -31)];
        Assert.Empty(RunComparison.Of(before, after));
        Assert.Equal(1 / 20.0, RunComparison.PerplexityOf("wikitext", before, after).NatsPerToken.Value, 1e-12);
        Assert.Throws<InvalidInputException>(() => RunComparison.PerplexityOf("a", [Choice("a", 0, 1, 1)], [Choice("a", 0, 1, 1)]));
    }

    [Fact]
    public void Runs_over_other_samples_are_refused()
    {
        var sample = Choice("a", 0, 1, 0.2);
        Assert.Throws<InvalidInputException>(() => RunComparison.Of([sample], []));
        Assert.Throws<InvalidInputException>(() => RunComparison.Of([sample], [sample with { Id = 1 }]));
        var other = sample.Requests[0] with { Context = "other" };
        Assert.Throws<InvalidInputException>(() => RunComparison.Of([sample], [sample with { Requests = [other] }]));
    }

    private static SampleResult Choice(string task, int id, double accuracy, double mass) => new(
        task, id, JsonValue.Create(0), [new("acc", accuracy), new("mass", mass)], [new("context", " choice", -1, false, 1, 1, 0, 1)]);

    private static SampleResult Text(int id, double loglikelihood) => new(
        "wikitext", id, JsonValue.Create("text"), [new("word_perplexity", loglikelihood, 5)],
        [new(null, "text", loglikelihood, false, 0, 10, 0, 1)]);
}
