using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Scoring;

public sealed class EvaluatorTests
{
    [Fact]
    public void Killed_run_continues_to_the_result_of_an_uninterrupted_one()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 400);
        var whole = Run(folder, "whole", new FakeScorer());
        Assert.Throws<TimeoutException>(() => Run(folder, "killed", new FakeScorer(callsBeforeFailure: 1)));
        Assert.False(File.Exists(folder.Path("killed/results.json")));
        File.AppendAllText(folder.Path("killed/samples.jsonl"), "{\"task\":\"minimal_pairs_agreement\",\"id\":4");
        var rest = new FakeScorer();
        var continued = Run(folder, "killed", rest);
        Assert.InRange(rest.Requests, 1, 799);
        Assert.Equal(File.ReadAllBytes(folder.Path("whole/samples.jsonl")), File.ReadAllBytes(folder.Path("killed/samples.jsonl")));
        Assert.Equal(File.ReadAllBytes(folder.Path("whole/results.json")), File.ReadAllBytes(folder.Path("killed/results.json")));
        Assert.Equal(whole.Groups[0].Metrics, continued.Groups[0].Metrics);
        var again = new FakeScorer();
        Run(folder, "killed", again);
        Assert.Equal(0, again.Requests);
    }

    [Fact]
    public void Run_is_not_continued_under_other_settings()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 10);
        Run(folder, "run", new FakeScorer());
        var error = Assert.Throws<InvalidInputException>(() => Run(folder, "run", new FakeScorer(), model: "another"));
        Assert.Equal(folder.Path("run/run.json"), error.Where);
        Assert.Throws<InvalidInputException>(() => Run(folder, "run", new FakeScorer(), limit: 3));
    }

    [Fact]
    public void Run_is_not_continued_on_changed_data_or_damaged_samples()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 10);
        Run(folder, "run", new FakeScorer());
        var samples = folder.Path("run/samples.jsonl");
        var lines = File.ReadAllLines(samples);
        folder.Write("minimal-pairs.jsonl", File.ReadAllText(folder.Path("minimal-pairs.jsonl")).Replace("good 4 ", "better 4 "));
        Assert.Equal($"{samples}:3", Assert.Throws<InvalidInputException>(() => Run(folder, "run", new FakeScorer())).Where);
        WritePairs(folder, 10);
        File.WriteAllLines(samples, [lines[0], "{}", .. lines[2..]]);
        Assert.Equal($"{samples}:2", Assert.Throws<InvalidInputException>(() => Run(folder, "run", new FakeScorer())).Where);
        File.WriteAllLines(samples, [.. lines, lines[0]]);
        Assert.Equal($"{samples}:11", Assert.Throws<InvalidInputException>(() => Run(folder, "run", new FakeScorer())).Where);
    }

    [Fact]
    public void Samples_survive_the_log_unchanged()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 6);
        folder.Write("wikitext-2-raw/wikitext-test.txt", " = First = \n\n A “page” . \n = Second = \n More .\n");
        folder.Write("winogrande/dev.jsonl", """{"sentence":"a _ é\u2028.","option1":"x","option2":"y","answer":"2"}""");
        TaskEntry[] tasks = [.. new[] { "minimal_pairs", "wikitext", "winogrande" }.Select(name => TaskRegistry.Find(name, folder.Data))];
        var results = new Evaluator(new FakeScorer(), CharacterTokenizer.Requests()).Run(tasks, folder.Data,
            new EvaluationOptions { Model = "m", Folder = folder.Path("run") }, cancellation: TestContext.Current.CancellationToken);
        var logged = SampleLog.Read(folder.Path("run/samples.jsonl"));
        Assert.Equal(9, logged.Count);
        foreach (var (expected, actual) in results.Samples.Zip(logged))
        {
            Assert.Equal((expected.Task, expected.Id), (actual.Task, actual.Id));
            Assert.True(JsonNode.DeepEquals(expected.Target, actual.Target));
            Assert.Equal(expected.Metrics, actual.Metrics);
            Assert.Equal(expected.Requests, actual.Requests);
        }
    }

    [Fact]
    public void Group_is_the_weighted_mean_with_the_pooled_error()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 31);
        var results = Run(folder, null, new FakeScorer());
        var values = results.Samples.Select(sample => sample.Metric("acc").Value).ToArray();
        var group = Assert.Single(results.Groups);
        Assert.Equal(31, group.Samples);
        Assert.Equal(["minimal_pairs_agreement", "minimal_pairs_word_order"], group.Parts);
        Assert.Equal(values.Average(), group.Metrics[0].Value, 1e-12);
        // Pooled: the squares around each task's own mean, over (all samples − tasks), over all samples.
        var within = results.Samples.GroupBy(sample => sample.Task, sample => sample.Metric("acc").Value)
            .Sum(task => task.Sum(value => Math.Pow(value - task.Average(), 2)));
        // The reference weighs each squared error with (nᵢ − 1)·nᵢ, which gives the squares back.
        Assert.Equal(Math.Sqrt(within / (31 - 2) / 31), group.Metrics[0].StandardError!.Value, 1e-12);
    }

    [Fact]
    public void Task_in_a_group_and_by_itself_is_evaluated_once()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 8);
        var scorer = new FakeScorer();
        var results = new Evaluator(scorer, CharacterTokenizer.Requests()).Run(
            [TaskRegistry.Find("minimal_pairs_agreement", folder.Data), TaskRegistry.Find("minimal_pairs", folder.Data)], folder.Data,
            new EvaluationOptions { Model = "m" }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(16, scorer.Requests);
        Assert.Equal(["minimal_pairs_agreement", "minimal_pairs_word_order"], results.Tasks.Select(task => task.Name));
    }

    [Fact]
    public void Results_have_the_layout_of_lm_eval()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 8);
        Run(folder, "run", new FakeScorer(), limit: 3);
        var json = JsonNode.Parse(File.ReadAllText(folder.Path("run/results.json")))!;
        Assert.InRange((double)json["results"]!["minimal_pairs_agreement"]!["acc,none"]!, 0, 1);
        Assert.InRange((double)json["groups"]!["minimal_pairs"]!["acc_stderr,none"]!, 0, 1);
        Assert.Equal("minimal_pairs_word_order", (string)json["group_subtasks"]!["minimal_pairs"]![1]!);
        var samples = json["n-samples"]!["minimal_pairs_agreement"]!;
        Assert.Equal((4, 3), ((int)samples["original"]!, (int)samples["effective"]!));
        Assert.True((bool)json["higher_is_better"]!["minimal_pairs_agreement"]!["acc"]!);
        Assert.Equal(0, (int)json["n-shot"]!["minimal_pairs_agreement"]!);
        Assert.Equal(3, (int)json["config"]!["limit"]!);
    }

    [Fact]
    public void Progress_reaches_the_total()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 400);
        var seen = new List<EvaluationProgress>();
        new Evaluator(new FakeScorer(), CharacterTokenizer.Requests()).Run([TaskRegistry.Find("minimal_pairs", folder.Data)], folder.Data,
            new EvaluationOptions { Model = "m" }, seen.Add, TestContext.Current.CancellationToken);
        Assert.True(seen.Count > 1);
        Assert.Equal(seen.Select(step => step.Samples).Order(), seen.Select(step => step.Samples));
        Assert.Equal((400, 400), (seen[^1].Samples, seen[^1].TotalSamples));
        Assert.True(seen[^1].ScoredTokens > 0);
    }

    [Fact]
    public void Cancelled_run_stops()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, 8);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => new Evaluator(new FakeScorer(), CharacterTokenizer.Requests()).Run(
            [TaskRegistry.Find("minimal_pairs", folder.Data)], folder.Data, new EvaluationOptions { Model = "m" }, null, cancelled.Token));
    }

    [Theory]
    [InlineData(-1, 5)]
    [InlineData(0, 0)]
    public void Options_out_of_range_are_refused(int fewShot, int limit)
    {
        using var folder = new TemporaryData();
        var options = new EvaluationOptions { Model = "m", FewShot = fewShot, Limit = limit };
        Assert.Throws<InvalidInputException>(() => new Evaluator(new FakeScorer(), CharacterTokenizer.Requests()).Run(
            [], folder.Data, options, cancellation: TestContext.Current.CancellationToken));
    }

    private static EvaluationResults Run(TemporaryData data, string? folder, ITokenScorer scorer, string model = "m", int? limit = null) =>
        new Evaluator(scorer, CharacterTokenizer.Requests()).Run([TaskRegistry.Find("minimal_pairs", data.Data)], data.Data,
            new EvaluationOptions { Model = model, Limit = limit, Folder = folder is null ? null : data.Path(folder) });

    private static void WritePairs(TemporaryData folder, int count) =>
        folder.Write("minimal-pairs.jsonl", string.Concat(Enumerable.Range(0, count).Select(Pair)));

    private static string Pair(int i) =>
        $$"""{"category":"{{(i % 2 == 0 ? "agreement" : "word order")}}","good":"A good {{i}} sentence.","bad":"A bad sentence {{i}}."}""" + "\n";
}
