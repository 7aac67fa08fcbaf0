using System.Diagnostics;
using Counterweight.Balancing;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>What a model, as it is loaded, is evaluated on.</summary>
public sealed record ModelEvaluation
{
    /// <summary>Text files to measure perplexity on, no two of one name; none: no perplexity.</summary>
    public required IReadOnlyList<string> Texts { get; init; }

    /// <summary>Most tokens of each text, 1 or more; null (default): all.</summary>
    public int? TextTokens { get; init; }

    /// <summary>Tasks and groups by name; none: no tasks.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>Where the data of tasks lies.</summary>
    public required TaskData Data { get; init; }

    /// <summary>Examples, limit, output folder.</summary>
    public required EvaluationOptions Options { get; init; }

    /// <summary>Checks what needs no model.</summary>
    /// <exception cref="InvalidInputException">Names the option, task or file.</exception>
    public void Validate()
    {
        if (Texts.Count > 0)
            TextFiles.Check("--text", Texts);
        foreach (var task in Tasks)
            TaskRegistry.Find(task, Data);
        if (Tasks.Count == 0 && Options.Folder is not null)
            throw new InvalidInputException("--out", "no tasks", "tasks, whose samples are what the folder keeps");
    }

    /// <summary>Measures all of it.</summary>
    public (PerplexityResult? Texts, EvaluationResults? Tasks, EvaluationSpeed? Speed) Run(
        LoadedModel model, IProgressReporter progress, CancellationToken cancellation = default)
    {
        using var texts = new ModelScorer(model.Model);
        using var tasks = new ModelScorer(model.Model) { SharesPrefixes = true };
        var tokenizer = RequestTokenizer.Of(model);
        var perplexity = Texts.Count == 0 ? null : MeasureTexts(new TextPerplexity(texts, tokenizer), progress, cancellation);
        if (Tasks.Count == 0)
            return (perplexity, null, null);
        var clock = Stopwatch.StartNew();
        var generator = new ModelGenerator(model);
        var (results, evaluated) = RunTasks(new Evaluator(tasks, tokenizer, generator), progress, cancellation);
        return (perplexity, results, new EvaluationSpeed(evaluated, tasks.ComputedTokens + generator.ComputedTokens, clock.Elapsed.TotalSeconds));
    }

    /// <summary>Accuracies of the tasks and groups that have one, as the balance report holds them.</summary>
    public IReadOnlyDictionary<string, TaskAccuracy> Accuracy(EvaluationResults? results) => TaskFigures.Accuracy(Tasks, results);

    private PerplexityResult MeasureTexts(TextPerplexity text, IProgressReporter progress, CancellationToken cancellation)
    {
        using var work = progress.Begin("Evaluating text", 0);
        // File by file, as `balance` does: which sequences share a batch decides how tokens are split over copies.
        return new PerplexityResult([.. Texts.SelectMany(file => text.Measure([file], TextTokens, count => work.Advance(count), cancellation).Files)]);
    }

    private (EvaluationResults Results, long Tokens) RunTasks(Evaluator evaluator, IProgressReporter progress, CancellationToken cancellation)
    {
        var last = default(EvaluationProgress);
        using var work = new SampleProgress(progress, "Evaluating tasks");
        var results = evaluator.Run([.. Tasks.Select(name => TaskRegistry.Find(name, Data))], Data, Options, done => work.Report(last = done), cancellation);
        return (results, last.Tokens);
    }
}

/// <summary>How fast tasks were evaluated.</summary>
/// <param name="EvaluatedTokens">Tokens of all requests, as if each went through the model by itself, and tokens that were written.</param>
/// <param name="ComputedTokens">Tokens that really went through the model.</param>
/// <param name="Seconds">Wall time, reading and tokenising included.</param>
public sealed record EvaluationSpeed(long EvaluatedTokens, long ComputedTokens, double Seconds)
{
    /// <summary>Evaluated tokens per second.</summary>
    public double TokensPerSecond => EvaluatedTokens / Seconds;
}
