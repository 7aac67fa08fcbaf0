using System.Text.Json.Nodes;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Scoring;

/// <summary>The reference's log-likelihoods must give the reference's metrics.</summary>
public sealed class GoldenMetricTests
{
    private const double Tolerance = 1e-12;

    [Theory]
    [InlineData("arc_easy")]
    [InlineData("boolq")]
    [InlineData("hellaswag")]
    [InlineData("mmlu_all")]
    [InlineData("piqa")]
    [InlineData("truthfulqa_mc1")]
    [InlineData("wikitext")]
    [InlineData("winogrande")]
    public void Metrics_and_standard_errors_are_the_references(string name)
    {
        var rows = GoldenRow.ReadPocketSamples(name).ToArray();
        var summary = JsonNode.Parse(File.ReadAllText(GoldenFiles.Shared([.. GoldenRow.PocketFolder, $"{name}.summary.json"])))!;
        var results = new Evaluator(new RecordedScorer(rows), CharacterTokenizer.Requests()).Run(
            [TaskRegistry.Find(name, GoldenRow.Data)], GoldenRow.Data, new EvaluationOptions { Model = "recorded", Limit = rows.Length },
            cancellation: TestContext.Current.CancellationToken);
        var task = Assert.Single(results.Tasks);
        Assert.Equal((int)summary["n"]!, task.Samples);
        var expected = summary["metrics"]!.AsObject();
        Assert.Equal(expected.Select(metric => metric.Key), task.Metrics.Select(metric => metric.Name));
        foreach (var (metric, value, standardError) in task.Metrics)
        {
            Assert.Equal((double)expected[metric]!["value"]!, value, Tolerance * value);
            Assert.Equal((double?)expected[metric]!["stderr"] ?? 0, standardError ?? 0, Tolerance);
            Assert.Equal(expected[metric]!["stderr"] is null, standardError is null);
        }
    }

    [Theory]
    [InlineData("arc_easy")]
    [InlineData("blimp_all")]
    [InlineData("boolq")]
    [InlineData("hellaswag")]
    [InlineData("mmlu_all")]
    [InlineData("piqa")]
    [InlineData("truthfulqa_mc1")]
    [InlineData("wikitext")]
    [InlineData("winogrande")]
    public void Metrics_of_every_sample_are_the_references(string name)
    {
        var path = GoldenFiles.Shared([.. GoldenRow.PocketFolder, $"{name}.samples.jsonl"]);
        foreach (var (golden, logged) in GoldenRow.ReadPocketSamples(name).Zip(SampleLog.Read(path)))
        {
            var judged = golden.Document().Judge(logged.Requests);
            Assert.Equal(logged.Metrics, judged);
            Assert.Equal(golden.Metrics.Select(metric => metric.Key), judged.Select(metric => metric.Name));
        }
    }
}
