using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Scoring;

/// <summary>The bundled model, asked by this project, answers as lm-evaluation-harness recorded it.</summary>
public sealed class GoldenScoreTests(PocketModel pocket) : IClassFixture<PocketModel>
{
    [Theory]
    [InlineData("arc_easy", 60)]
    [InlineData("blimp_all", 20)]
    [InlineData("boolq", 60)] // some of its passages are longer than the window
    [InlineData("hellaswag", 20)]
    [InlineData("mmlu_all", 20)]
    [InlineData("piqa", 60)]
    [InlineData("truthfulqa_mc1", 10)]
    [InlineData("wikitext", 2)]
    [InlineData("winogrande", 60)]
    public void Log_likelihoods_are_the_references(string name, int documents)
    {
        using var scorer = new ModelScorer(pocket.Model.Model);
        var results = new Evaluator(scorer, pocket.Requests).Run(
            [TaskRegistry.Find(name, GoldenRow.Data)], GoldenRow.Data, new EvaluationOptions { Model = "pocket-moe", Limit = documents },
            cancellation: TestContext.Current.CancellationToken);
        foreach (var (golden, sample) in GoldenRow.ReadPocketSamples(name).Zip(results.Samples))
            foreach (var (expected, scored) in golden.Requests.Zip(sample.Requests))
            {
                var loglikelihood = (double)expected["loglikelihood"]!;
                Assert.Equal(loglikelihood, scored.LogLikelihood, 1e-3 + 1e-5 * Math.Abs(loglikelihood));
                if (expected["greedy"] is { } greedy)
                    Assert.Equal((bool)greedy, scored.Greedy);
            }
    }
}
