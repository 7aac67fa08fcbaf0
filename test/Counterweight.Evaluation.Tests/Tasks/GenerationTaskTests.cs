using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;
using Counterweight.Evaluation.Tests.Scoring;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class GenerationTaskTests
{
    [Theory]
    [InlineData("so #### 1,234. And #### 5", "1,234.", "5", 1, 0)]
    [InlineData("It costs $1,234.", "[invalid]", "$1,234.", 0, 1)]
    [InlineData("nothing", "[invalid]", "[invalid]", 0, 0)]
    [InlineData("#### 1234\nor 7", "1234", "7", 1, 0)]
    public void Gsm8k_filters_find_the_answer(string response, string strict, string flexible, double strictMatch, double flexibleMatch)
    {
        var sample = Ask("gsm8k", "gsm8k/test.jsonl", """{"question":"How much?","answer":"Much.\n#### 1,234"}""", response);
        Assert.Equal([("strict-match", strict), ("flexible-extract", flexible)], sample.Filtered!.Select(filter => (filter.Key, filter.Value)));
        Assert.Equal(
            [new SampleMetric("exact_match,strict-match", strictMatch), new SampleMetric("exact_match,flexible-extract", flexibleMatch)], sample.Metrics);
    }

    [Fact]
    public void Chain_of_thought_ends_with_the_phrase()
    {
        var sample = Ask("gsm8k_cot", "gsm8k/test.jsonl", """{"question":"How much?","answer":"Much.\n#### 18"}""", "9 + 9 = 18. The answer is 18.");
        Assert.Equal("18", sample.Filtered!["strict-match"]);
        Assert.Equal(1, sample.Metric("exact_match,strict-match").Value);
        Assert.Equal("18", (string)sample.Target!);
    }

    [Fact]
    public void Gsm8k_draws_five_examples_where_its_training_set_lies()
    {
        using var folder = new TemporaryData();
        folder.Write("gsm8k/test.jsonl", """{"question":"How much?","answer":"#### 1"}""");
        folder.Write("gsm8k/train.jsonl", string.Concat(Enumerable.Range(0, 9).Select(i => $$"""{"question":"Q{{i}}","answer":"#### {{i}}"}""" + "\n")));
        var documents = ((EvaluationTask)TaskRegistry.Find("gsm8k", folder.Data)).Load(folder.Data, new TaskOptions(null, 1234, null));
        Assert.Equal(5, documents.FewShot);
        var context = documents.Documents[0].Requests(CharacterTokenizer.Requests())[0].Context!;
        // random.Random(1234).sample(range(9), 5) in CPython
        Assert.Equal([7, 1, 0, 6, 4], System.Text.RegularExpressions.Regex.Matches(context, @"Q(\d)\nAnswer: #### \1\n\n").Select(match => int.Parse(match.Groups[1].Value)));
        Assert.EndsWith("Question: How much?\nAnswer:", context, StringComparison.Ordinal);
    }

    [Fact]
    public void Truthful_answers_are_compared_with_true_and_false_ones()
    {
        const string Data = """
            Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source
            A,B,What is the sky?,It is blue,It is blue most days; blue,It is green and made of cheese,x
            """;
        var sample = Ask("truthfulqa_gen", "truthfulqa/TruthfulQA.csv", Data, "It is blue most days.");
        Assert.Equal(100, sample.Metric("bleu_max,none").Value, 1e-9);
        Assert.Equal(100, sample.Metric("rougeL_max,none").Value, 1e-9);
        Assert.Equal(1, sample.Metric("rouge2_acc,none").Value);
        // It, is: of 5 and 7 words
        Assert.Equal(100 - 100 * 2 * 2 / 12.0, sample.Metric("rouge1_diff,none").Value, 1e-9);
        Assert.Equal(1, Ask("truthfulqa_gen", "truthfulqa/TruthfulQA.csv", Data, "I have no comment.").Metric("bleu_acc,none").Value);
        Assert.Equal(0, Ask("truthfulqa_gen", "truthfulqa/TruthfulQA.csv", Data, "").Metric("bleu_acc,none").Value);
    }

    [Fact]
    public void Written_answers_survive_the_log_and_a_restart()
    {
        using var folder = new TemporaryData();
        folder.Write("gsm8k/test.jsonl", """{"question":"How much?","answer":"#### 1"}""");
        var first = Run(folder, "gsm8k", "#### 1", folder.Path("run"));
        var again = Run(folder, "gsm8k", "is not asked again", folder.Path("run"));
        Assert.Equal("#### 1", again.Requests[0].Response);
        Assert.Equal(first.Metrics, again.Metrics);
        Assert.Equal(first.Filtered, again.Filtered);
        Assert.Equal(2, File.ReadLines(Assert.Single(Directory.GetFiles(folder.Path("run"), "samples_gsm8k_*.jsonl"))).Count());
    }

    private static SampleResult Ask(string task, string file, string data, string response)
    {
        using var folder = new TemporaryData();
        folder.Write(file, data);
        return Run(folder, task, response, null);
    }

    private static SampleResult Run(TemporaryData data, string task, string response, string? folder) =>
        Assert.Single(new Evaluator(new FakeScorer(), CharacterTokenizer.Requests(), new OneAnswer(response)).Run(
            [TaskRegistry.Find(task, data.Data)], data.Data, new EvaluationOptions { Model = "m", Folder = folder }).Samples);

    private sealed class OneAnswer(string text) : ITextGenerator
    {
        public string[] Generate(IReadOnlyList<GenerateRequest> requests, Action<int>? generated = null, CancellationToken cancellation = default) =>
            [.. requests.Select(_ => text)];
    }
}
