using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Evaluates a model on tasks.</summary>
/// <param name="scorer">The model.</param>
/// <param name="tokenizer">Its tokenizer, with the scorer's window.</param>
/// <param name="generator">The model again, for tasks whose answers it writes; null: such tasks are refused.</param>
public sealed class Evaluator(ITokenScorer scorer, RequestTokenizer tokenizer, ITextGenerator? generator = null)
{
    // Enough for full passes, and little enough that a killed run loses little.
    private const int TokensAtOnce = 8192;

    /// <summary>
    /// Evaluates tasks and groups; the same inputs give the same results, also when the run was interrupted and continued.
    /// </summary>
    /// <param name="entries">Tasks and groups; a task that is named twice is evaluated once.</param>
    /// <param name="data">Where their data lies.</param>
    /// <param name="options">Examples, limit, output folder.</param>
    /// <param name="progress">Told at the start and after each batch of documents; null for nobody.</param>
    /// <param name="cancellation">Ends the run; what is done so far stays in the folder.</param>
    /// <exception cref="InvalidInputException">An option, the data or the folder's earlier run can't be used.</exception>
    public EvaluationResults Run(
        IReadOnlyList<TaskEntry> entries,
        TaskData data,
        EvaluationOptions options,
        Action<EvaluationProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        var load = new TaskOptions(options.FewShot, options.Seed, options.Limit);
        var tree = TaskTree.Of(entries, data);
        LoadedTask[] tasks = [.. tree.Tasks.Select(task => task.Load(data, load))];
        (EvaluationTask Task, TaskDocument Document)[] work =
            [.. tasks.SelectMany(task => task.Documents.Select(document => (task.Task, document)))];

        using var log = options.Folder is null ? null : RunFolder.Open(options, tree, scorer.MaxLength);
        var samples = log is null ? [] : log.Resume(work);
        var tokens = 0L;
        progress?.Invoke(new EvaluationProgress(samples.Count > 0 ? samples[^1].Task : "", samples.Count, work.Length, 0));
        while (samples.Count < work.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = Take(work.AsSpan(samples.Count));
            var done = Ask(batch, count => tokens += count, cancellation);
            log?.Append(done);
            samples.AddRange(done);
            progress?.Invoke(new EvaluationProgress(done[^1].Task, samples.Count, work.Length, tokens));
        }
        var results = tree.Summarize(options, tasks, samples);
        log?.Finish(results);
        return results;
    }

    private List<Pending> Take(ReadOnlySpan<(EvaluationTask Task, TaskDocument Document)> work)
    {
        var taken = new List<Pending>();
        for (var tokens = 0; taken.Count < work.Length && tokens < TokensAtOnce;)
        {
            var (task, document) = work[taken.Count];
            var requests = Requests(task, document);
            taken.Add(new Pending(task, document, requests));
            tokens += Math.Max(1, requests.Max(request => request.Tokens)) + requests.Skip(1).Sum(request => request.ContinuationTokens);
        }
        return taken;
    }

    private DocumentRequest[] Requests(EvaluationTask task, TaskDocument document)
    {
        try
        {
            var requests = document.Requests(tokenizer);
            return generator is not null || requests.All(request => request.Generation is null)
                ? requests
                : throw new InvalidInputException("request", "an answer to write", "a generator, which this evaluation was made without");
        }
        catch (InvalidInputException unfit)
        {
            throw new InvalidInputException($"{task.Name}, document {document.Id}, {unfit.Where}", unfit.Found, unfit.Expected, unfit);
        }
    }

    private SampleResult[] Ask(List<Pending> batch, Action<int> counted, CancellationToken cancellation)
    {
        TokenRequest[] windows = [.. batch.SelectMany(pending => pending.Requests).SelectMany(request => request.Windows)];
        var scores = new Queue<TokenScore>(scorer.Score(windows, counted, cancellation));
        GenerateRequest[] prompts = [.. batch.SelectMany(pending => pending.Requests).Select(request => request.Generation).OfType<GenerateRequest>()];
        var texts = new Queue<string>(prompts.Length > 0 ? generator!.Generate(prompts, counted, cancellation) : []);
        return [.. batch.Select(pending => ResultOf(pending, scores, texts))];
    }

    private static SampleResult ResultOf(Pending pending, Queue<TokenScore> scores, Queue<string> texts)
    {
        var (task, document, requests) = pending;
        RequestResult[] results = [.. requests.Select(request => Combine(request, scores, texts))];
        foreach (var result in results)
            if (!double.IsFinite(result.LogLikelihood))
                throw new InvalidInputException($"model, on {task.Name}, document {document.Id}", $"a log-likelihood of {result.LogLikelihood}", "a finite number");
        return new SampleResult(task.Name, document.Id, document.Target, document.Judge(results), results) { Filtered = document.Filtered(results) };
    }

    private static RequestResult Combine(DocumentRequest request, Queue<TokenScore> scores, Queue<string> texts)
    {
        var (loglikelihood, greedy) = (0.0, true);
        for (var window = 0; window < request.Windows.Count; window++)
        {
            var score = scores.Dequeue();
            loglikelihood += score.LogLikelihood;
            greedy &= score.Greedy;
        }
        return new RequestResult(request.Context, request.Continuation, loglikelihood, greedy,
            request.ContextTokens, request.ContinuationTokens, request.DroppedTokens, request.Windows.Count)
        {
            Response = request.Generation is null ? null : texts.Dequeue(),
        };
    }

    private sealed record Pending(EvaluationTask Task, TaskDocument Document, DocumentRequest[] Requests);
}
