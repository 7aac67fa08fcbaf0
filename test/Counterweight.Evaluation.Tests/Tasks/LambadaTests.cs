using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class LambadaTests
{
    [Theory]
    [InlineData("lambada_openai", "lambada/lambada_test.jsonl", """{"text":"He gave her  the ring"}""")]
    [InlineData("lambada_openai", "lambada/lambada_test_en.jsonl", """{"text":"He gave her  the ring"}""")]
    [InlineData("lambada_standard", "lambada/lambada_test_plain_text.txt", "He gave her  the ring")]
    public void Last_word_is_asked_for(string name, string file, string row)
    {
        using var folder = new TemporaryData();
        var path = folder.Write(file, row + "\n");
        foreach (var asked in new[] { name, $"{name}={path}" })
        {
            var task = (EvaluationTask)TaskRegistry.Find(asked, folder.Data);
            Assert.Equal(name, task.Name);
            var request = Assert.Single(Assert.Single(task.Load(folder.Data, new TaskOptions(null, 1, null)).Documents).Requests(CharacterTokenizer.Requests()));
            Assert.Equal(("He gave her  the", " ring"), (request.Context!, request.Continuation));
        }
    }

    [Fact]
    public void Perplexity_and_accuracy_are_those_of_the_words()
    {
        using var folder = new TemporaryData();
        var path = folder.Write("mine.txt", "one two\nthree four\nfive six\n");
        TokenScore[] scores = [new(-1, true), new(-2.5, false), new(-4, true)];
        var results = new Evaluator(new FixedScorer(scores), CharacterTokenizer.Requests()).Run(
            [TaskRegistry.Find($"lambada_standard={path}", folder.Data)], folder.Data, new EvaluationOptions { Model = "m" },
            cancellation: TestContext.Current.CancellationToken);
        var task = Assert.Single(results.Tasks);
        Assert.Equal(Math.Exp(2.5), task.Metric("perplexity").Value, 1e-12);
        // Mean 2.5 of 1, 2.5 and 4: standard error 1.5 / √3, times the perplexity.
        Assert.Equal(Math.Exp(2.5) * 1.5 / Math.Sqrt(3), task.Metric("perplexity").StandardError!.Value, 1e-12);
        Assert.Equal(2 / 3.0, task.Metric("acc").Value, 1e-12);
        Assert.Equal([false, true], task.HigherIsBetter);
    }

    [Fact]
    public void Passage_of_one_word_is_refused_with_its_line()
    {
        using var folder = new TemporaryData();
        var path = folder.Write("mine.txt", "one two\nthree\n");
        var task = (EvaluationTask)TaskRegistry.Find($"lambada_standard={path}", folder.Data);
        Assert.Equal($"{path}:2", Assert.Throws<InvalidInputException>(() => task.Load(folder.Data, new TaskOptions(null, 1, null))).Where);
    }

    private sealed class FixedScorer(TokenScore[] scores) : ITokenScorer
    {
        public int MaxLength => 1000;

        public TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default) => scores;
    }
}
