using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Scoring;

public sealed class EvaluatorTests
{
    /// <summary>Enough for several batches.</summary>
    private const int Pairs = 1500;

    [Fact]
    public void Killed_run_continues_to_the_result_of_an_uninterrupted_one()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, Pairs);
        var whole = Run(folder, "whole", new FakeScorer());
        Assert.Throws<TimeoutException>(() => Run(folder, "killed", new FakeScorer(callsBeforeFailure: 2)));
        Assert.Equal(["run.json", "samples.jsonl"], FilesIn(folder, "killed"));
        File.AppendAllText(folder.Path("killed/samples.jsonl"), "{\"task\":\"minimal_pairs_agreement\",\"id\":4");
        var rest = new FakeScorer();
        var continued = Run(folder, "killed", rest);
        Assert.InRange(rest.Requests, 1, 2 * Pairs - 1);
        Assert.Equal(FilesIn(folder, "whole"), FilesIn(folder, "killed"));
        Assert.Equal(6, FilesIn(folder, "whole").Length); // run, samples, results as JSON and CSV, samples of two tasks
        foreach (var file in FilesIn(folder, "whole"))
            Assert.Equal(File.ReadAllBytes(folder.Path($"whole/{file}")), File.ReadAllBytes(folder.Path($"killed/{file}")));
        Assert.Equal(whole.Groups[0].Metrics, continued.Groups[0].Metrics);
        var again = new FakeScorer();
        Run(folder, "killed", again);
        Assert.Equal(0, again.Requests);
    }

    [Fact]
    public void Batch_that_was_cut_off_is_asked_again_as_a_whole()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, Pairs);
        Run(folder, "run", new FakeScorer());
        var samples = folder.Path("run/samples.jsonl");
        var lines = File.ReadAllLines(samples);
        var batches = lines.Select(line => (int)JsonNode.Parse(line)!["batch"]!).ToArray();
        Assert.Equal(batches.Order(), batches);
        Assert.True(batches[^1] > 1);
        var begin = Array.IndexOf(batches, 1);
        File.WriteAllLines(samples, lines[..(begin + 3)]);
        var rest = new FakeScorer();
        Run(folder, "run", rest);
        Assert.Equal(2 * (Pairs - begin), rest.Requests);
        Assert.Equal(lines, File.ReadAllLines(samples));
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
        var json = JsonNode.Parse(File.ReadAllText(folder.Path("run/results_2026-01-02T03-04-05.000000.json")))!;
        Assert.Equal(
            ["config", "configs", "date", "group_subtasks", "groups", "higher_is_better", "model_name", "n-samples", "n-shot", "results", "task_hashes", "versions"],
            json.AsObject().Select(part => part.Key).Order());
        Assert.Equal("multiple_choice", (string)json["configs"]!["minimal_pairs_agreement"]!["output_type"]!);
        Assert.Equal(1, (double)json["versions"]!["minimal_pairs"]!);
        Assert.InRange((double)json["results"]!["minimal_pairs_agreement"]!["acc,none"]!, 0, 1);
        Assert.InRange((double)json["groups"]!["minimal_pairs"]!["acc_stderr,none"]!, 0, 1);
        Assert.Equal("minimal_pairs_word_order", (string)json["group_subtasks"]!["minimal_pairs"]![1]!);
        var samples = json["n-samples"]!["minimal_pairs_agreement"]!;
        Assert.Equal((4, 3), ((int)samples["original"]!, (int)samples["effective"]!));
        Assert.True((bool)json["higher_is_better"]!["minimal_pairs_agreement"]!["acc"]!);
        Assert.Equal(0, (int)json["n-shot"]!["minimal_pairs_agreement"]!);
        Assert.Equal(3, (int)json["config"]!["limit"]!);
        var rows = File.ReadAllLines(folder.Path("run/samples_minimal_pairs_agreement_2026-01-02T03-04-05.000000.jsonl"));
        Assert.Equal(3, rows.Length);
        var row = JsonNode.Parse(rows[1])!;
        Assert.Equal((1, "0", "none"), ((int)row["doc_id"]!, (string)row["target"]!, (string)row["filter"]!));
        Assert.Equal(" A good 2 sentence.", (string)row["arguments"]!["gen_args_0"]!["arg_1"]!);
        Assert.Equal(2, row["resps"]!.AsArray().Count);
        Assert.Equal((string)row["resps"]![0]![0]![0]!, (string)row["filtered_resps"]![0]![0]!);
        Assert.InRange((double)row["acc"]!, 0, 1);
        var table = File.ReadAllLines(folder.Path("run/results_2026-01-02T03-04-05.000000.csv"));
        Assert.Equal(4, table.Length);
        Assert.StartsWith("minimal_pairs,1,none,,6,acc,true,", table[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_reaches_the_total()
    {
        using var folder = new TemporaryData();
        WritePairs(folder, Pairs);
        var seen = new List<EvaluationProgress>();
        new Evaluator(new FakeScorer(), CharacterTokenizer.Requests()).Run([TaskRegistry.Find("minimal_pairs", folder.Data)], folder.Data,
            new EvaluationOptions { Model = "m" }, seen.Add, TestContext.Current.CancellationToken);
        Assert.True(seen.Count > 1);
        Assert.Equal(seen.Select(step => step.Samples).Order(), seen.Select(step => step.Samples));
        Assert.Equal((Pairs, Pairs), (seen[^1].Samples, seen[^1].TotalSamples));
        Assert.True(seen[^1].Tokens > 0);
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
            new EvaluationOptions { Model = model, Limit = limit, Folder = folder is null ? null : data.Path(folder), Clock = new StoppedClock() });

    private static string[] FilesIn(TemporaryData folder, string run) =>
        [.. Directory.GetFiles(folder.Path(run)).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    }

    private static void WritePairs(TemporaryData folder, int count) =>
        folder.Write("minimal-pairs.jsonl", string.Concat(Enumerable.Range(0, count).Select(Pair)));

    private static string Pair(int i) =>
        $$"""{"category":"{{(i % 2 == 0 ? "agreement" : "word order")}}","good":"A good {{i}} sentence.","bad":"A bad sentence {{i}}."}""" + "\n";
}
