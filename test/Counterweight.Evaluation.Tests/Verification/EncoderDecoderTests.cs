using System.Text.Json;
using Counterweight.Balancing.Loads;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Routing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Studies;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>What an encoder-decoder does with texts that are not cut into source and target, and what counts as its load.</summary>
public sealed class EncoderDecoderTests
{
    [Fact]
    public void The_encoder_reads_the_first_half_and_the_decoder_is_given_the_second()
    {
        using var loaded = Open("switch_transformers");
        var loads = Loads(loaded.Model, [[5, 6, 7, 8, 9], [4, 3], [9]]);
        var encoderLayers = loaded.Model.Shape.EncoderLayers;
        for (var l = 0; l < loads.Length; l++)
            Assert.Equal(loaded.Model.Shape.MoeLayers[l] < encoderLayers ? 3 + 1 + 1 : 2 + 1 + 1, loads[l].Sum());
    }

    [Fact]
    public void Tokens_over_capacity_are_no_load()
    {
        using var loaded = Open("switch_transformers_capacity");
        foreach (var layer in Loads(loaded.Model, [[.. Enumerable.Repeat(7, 40)]]))
            Assert.All(layer, load => Assert.InRange(load, 0, 3));
    }

    [Fact]
    public void The_last_rows_of_a_continuation_predict_its_targets()
    {
        using var loaded = Open("switch_transformers");
        var model = loaded.Model;
        using var cache = model.NewSequence();
        var batch = new Batch();
        model.AddContinuation(batch, cache, [5, 6, 7, 8], [7, 8, 9]);
        Assert.Equal([5, 6], batch.Sources!.Tokens.ToArray());
        Assert.Equal([model.Shape.DecoderStart!.Value, 7, 8], batch.Tokens.ToArray());
    }

    /// <summary>A stack without sparse blocks has the MLPs of the other blocks: one expert, whose weight is 1, computes the same.</summary>
    [Theory]
    [InlineData("encoder", 0)]
    [InlineData("encoder", null)]
    [InlineData("decoder", 0)]
    public void Either_stack_may_be_dense(string stack, int? step)
    {
        using var sparse = CheckpointCopy.Of("switch_transformers", checkpoint => OneExpert(checkpoint, dense: null), config => config["num_experts"] = 1);
        using var dense = CheckpointCopy.Of("switch_transformers", checkpoint => OneExpert(checkpoint, stack), config =>
            (config["num_experts"], config[$"num_sparse_{stack}_layers"], config[$"{stack}_sparse_step"]) = (1, 0, step));
        using var expected = ModelRuns.Open(sparse.Path);
        using var actual = ModelRuns.Open(dense.Path);
        Assert.Equal(2, actual.Model.Shape.MoeLayers.Count);
        var prompts = GoldenModels.Prompts("switch_transformers");
        Assert.InRange(ModelRuns.Logits(expected.Model, prompts).Zip(ModelRuns.Logits(actual.Model, prompts), (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
    }

    /// <summary>The first expert of each sparse block alone, as the block's own MLP in the stack <paramref name="dense"/>.</summary>
    private static IEnumerable<TensorToWrite> OneExpert(Checkpoint checkpoint, string? dense)
    {
        const string First = ".experts.expert_0.";
        foreach (var name in checkpoint.TensorNames)
        {
            var (tensor, isDense) = (checkpoint.Get(name), dense is not null && name.StartsWith(dense, StringComparison.Ordinal));
            if (name.Contains("router", StringComparison.Ordinal))
            {
                if (!isDense)
                    yield return TensorToWrite.FromFloats(name, [1, tensor.Shape[1]], tensor.ToFloats().AsMemory(0, (int)tensor.Shape[1]));
            }
            else if (!name.Contains(".experts.", StringComparison.Ordinal))
                yield return TensorToWrite.Copy(tensor);
            else if (name.Contains(First, StringComparison.Ordinal))
                yield return TensorToWrite.Copy(tensor, isDense ? name.Replace(First, ".", StringComparison.Ordinal) : name);
        }
    }

    [Fact]
    public void Of_a_whole_text_the_second_half_of_each_window_is_predicted()
    {
        var request = CharacterTokenizer.Requests(maxLength: 6, hasEncoder: true).Rolling("abcdefghijkm");
        Assert.Equal(["abcde", "ghijk"], request.Windows.Select(window => CharacterTokenizer.Decode(window.Input)));
        Assert.Equal(["def", "jkm"], request.Windows.Select(window => CharacterTokenizer.Decode(window.Targets)));
        Assert.Equal((6, 6, 0.5), (request.ContextTokens, request.ContinuationTokens, request.PredictedShare));

        var odd = CharacterTokenizer.Requests(maxLength: 6, hasEncoder: true).Rolling("abcdefghi" + "jklm");
        Assert.Equal(["def", "jkl"], odd.Windows.Select(window => CharacterTokenizer.Decode(window.Targets)));
        Assert.Equal(6 / 13.0, odd.PredictedShare, 1e-12);
        Assert.Empty(CharacterTokenizer.Requests(hasEncoder: true).Rolling("a").Windows);
    }

    [Fact]
    public void Scores_are_those_of_a_decoder_that_is_given_what_the_encoder_has_read()
    {
        using var loaded = Open("switch_transformers");
        var model = loaded.Model;
        int[] text = [.. Enumerable.Range(0, 21).Select(i => 3 + 7 * i % 100)];
        using var scorer = new ModelScorer(model);
        var request = Assert.Single(RollingWindows.Halves(text, 100));

        var logits = ModelRuns.Logits(model, 1, (batch, cache, _) => batch.Add(cache, text.AsSpan(0, 11), [model.Shape.DecoderStart!.Value, .. text[11..^1]]));
        var expected = text[11..].Select((id, i) => LogProbability(logits.AsSpan(i * model.Shape.Vocabulary, model.Shape.Vocabulary), id)).Sum();
        Assert.Equal(expected, Assert.Single(scorer.Score([request])).LogLikelihood, 1e-4);
    }

    /// <summary>What <c>balance</c> measures on an encoder-decoder: loads of both stacks, and a perplexity of the second halves.</summary>
    [Fact]
    public void Balancing_measures_both_stacks()
    {
        using var copy = WithTokenizer();
        using var data = new TemporaryData();
        var options = new BalanceOptions { Model = copy.Path, CalibrationFiles = [], EvaluationFiles = [data.Write("evaluation.txt", Words(2, 400))], Out = data.Path("out") };
        using var loaded = ModelRuns.Open(copy.Path);
        var measured = new ModelMeasurement(loaded, options, [], SilentProgress.Instance).Run(null, "before", TestContext.Current.CancellationToken);

        Assert.InRange(measured.Figures.Perplexity, 2, 1e6);
        Assert.Equal(4, measured.Figures.Lis.Layers.Count);
        long[] loads = [.. Enumerable.Range(0, 4).Select(layer => measured.Loads[layer].ToArray().Sum())];
        Assert.Equal((loads[0], loads[2]), (loads[1], loads[3])); // two layers of each stack
        Assert.Equal(loads[2], measured.Perplexity.Total.Tokens);
        Assert.InRange(loads[0] - loads[2], 0, 1);
        Assert.InRange(loads[2], 150, 1000);
    }

    /// <summary>Studies ask for the second half of a text that is read in its first, as <c>balance</c> and <c>evaluate</c> do.</summary>
    [Fact]
    public void Studies_run_on_both_stacks()
    {
        using var copy = WithTokenizer();
        using var data = new TemporaryData();
        var options = new StudyOptions
        {
            Model = copy.Path,
            Studies = ["importance", "grid", "streaming"],
            CalibrationFiles = [data.Write("one.txt", Words(1, 1200)), data.Write("two.txt", Words(2, 1200))],
            EvaluationFiles = [data.Write("three.txt", Words(3, 1200)), data.Write("four.txt", Words(4, 1200))],
            Tasks = ["minimal_pairs"],
            TaskTextFolder = Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation"),
            TaskLimit = 2,
            Quick = true,
            Threads = 2,
            Out = data.Path("out"),
        };
        var outcomes = new StudyRun(options, SilentProgress.Instance, _ => { }).Run(TestContext.Current.CancellationToken);
        Assert.Equal(options.Studies, outcomes.Select(outcome => outcome.Name));
        using var grid = JsonDocument.Parse(File.ReadAllText(data.Path("out/grid/results.json")));
        Assert.All(grid.RootElement.GetProperty("tables").GetProperty("generation").GetProperty("rows").EnumerateArray(), row =>
        {
            Assert.True(row.GetProperty("decodeLis").GetDouble() > 1);
            Assert.InRange(row.GetProperty("sameTokens").GetDouble(), 0, 1);
        });
    }

    [Fact]
    public void Losses_of_studies_are_of_the_second_halves()
    {
        using var loaded = Open("switch_transformers");
        int[][] sequences = [[.. Enumerable.Range(0, 21).Select(i => 3 + 7 * i % 100)], [5, 6], [9]];
        var text = new TextLoss(loaded.Model.Shape, [new TokenText("numbers", sequences)]);
        using var scorer = new ModelScorer(loaded.Model);
        Assert.Equal(10 + 1, text.Tokens);
        var expected = scorer.Score([.. sequences.SelectMany(sequence => RollingWindows.Halves(sequence, 100))]);
        Assert.Equal(expected.Select(score => -score.LogLikelihood), text.Measure(scorer, default).Select(sequence => sequence.Nats));
    }

    [Theory]
    [InlineData(0, 3, 2)]
    [InlineData(2, 1, 2)]
    [InlineData(3, 0, 2)]
    [InlineData(4, 0, 1)]
    [InlineData(5, 0, 0)]
    public void Loads_from_a_token_on_are_of_the_stack_that_has_it(int first, int encoder, int decoder)
    {
        using var loaded = Open("switch_transformers");
        var routed = RoutedSequences.Of(loaded.Model, [[4, 3], [5, 6, 7, 8, 9]]);
        var loads = new ExpertLoads(routed.Layers, routed.Experts);
        routed.AddTo(loads, sequence: 1, first);
        for (var layer = 0; layer < loads.Layers; layer++)
            Assert.Equal(loaded.Model.Shape.MoeLayers[layer] < loaded.Model.Shape.EncoderLayers ? encoder : decoder, loads[layer].ToArray().Sum());
    }

    private const int Vocabulary = 8192;

    /// <summary>A reference checkpoint with the tokenizer of the bundled model, and room for all tokens of a text.</summary>
    private static CheckpointCopy WithTokenizer()
    {
        var copy = CheckpointCopy.Of("switch_transformers", WithLargeVocabulary, config => (config["vocab_size"], config["expert_capacity"]) = (Vocabulary, 1000));
        foreach (var file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe", file), Path.Combine(copy.Path, file));
        return copy;
    }

    private static IEnumerable<TensorToWrite> WithLargeVocabulary(Checkpoint checkpoint)
    {
        var random = new Random(5);
        foreach (var name in checkpoint.TensorNames)
        {
            var tensor = checkpoint.Get(name);
            yield return tensor.Shape[0] == checkpoint.Get("shared.weight").Shape[0]
                ? TensorToWrite.FromFloats(name, [Vocabulary, tensor.Shape[1]], Enumerable.Range(0, Vocabulary * (int)tensor.Shape[1]).Select(_ => random.NextSingle() - 0.5f).ToArray())
                : TensorToWrite.Copy(tensor);
        }
    }

    private static string Words(int seed, int count)
    {
        string[] words = ["the", "river", "ran", "past", "an", "old", "mill", "where", "nobody", "had", "worked", "for", "years", "and", "grass", "grew"];
        var random = new Random(seed);
        return string.Join(' ', Enumerable.Range(0, count).Select(_ => words[random.Next(words.Length)]));
    }

    private static double LogProbability(ReadOnlySpan<float> logits, int id)
    {
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - (double)logits[id]);
        return -Math.Log(sum);
    }

    private static LoadedModel Open(string folder) => ModelRuns.OpenGolden(folder);

    private static long[][] Loads(MoeModel model, int[][] texts)
    {
        model.Recorder = new LoadRecorder(model.Banks);
        var batch = new Batch();
        var caches = texts.Select(_ => model.NewSequence()).ToArray();
        for (var i = 0; i < texts.Length; i++)
            model.AddText(batch, caches[i], texts[i]);
        model.Forward(batch);
        foreach (var cache in caches)
            cache.Dispose();
        var total = model.Recorder.Total();
        return [.. Enumerable.Range(0, model.Banks.Count).Select(l => total[l].ToArray())];
    }
}
