using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Evaluates a model on tasks.</summary>
/// <param name="scorer">The model.</param>
/// <param name="tokenizer">Its tokenizer, with the scorer's window.</param>
public sealed class Evaluator(ITokenScorer scorer, RequestTokenizer tokenizer)
{
    // Enough for full batches, and little enough that a killed run loses little.
    private const int TokensAtOnce = 8192;

    /// <summary>
    /// Evaluates tasks and groups; the same inputs give the same results, also when the run was interrupted and continued.
    /// </summary>
    /// <param name="entries">Tasks and groups; a task that is named twice is evaluated once.</param>
    /// <param name="data">Where their data lies.</param>
    /// <param name="options">Examples, limit, output folder.</param>
    /// <param name="progress">Told after each batch of documents; null for nobody.</param>
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
        long tokens = 0;
        while (samples.Count < work.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var chunk = Take(work.AsSpan(samples.Count));
            var scored = Score(chunk, count => tokens += count, cancellation);
            log?.Append(scored);
            samples.AddRange(scored);
            progress?.Invoke(new EvaluationProgress(scored[^1].Task, samples.Count, work.Length, tokens));
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
            taken.Add(new Pending(task, document, Requests(task, document)));
            tokens += taken[^1].Requests.Sum(request => request.Windows.Sum(window => window.Input.Length));
        }
        return taken;
    }

    private DocumentRequest[] Requests(EvaluationTask task, TaskDocument document)
    {
        try
        {
            return document.Requests(tokenizer);
        }
        catch (InvalidInputException tooLong)
        {
            throw new InvalidInputException($"{task.Name}, document {document.Id}, {tooLong.Where}",
                tooLong.Found, tooLong.Expected, tooLong);
        }
    }

    private SampleResult[] Score(List<Pending> chunk, Action<int> scored, CancellationToken cancellation)
    {
        TokenRequest[] windows = [.. chunk.SelectMany(pending => pending.Requests).SelectMany(request => request.Windows)];
        var scores = scorer.Score(windows, scored, cancellation);
        var samples = new SampleResult[chunk.Count];
        var next = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            var (task, document, requests) = chunk[i];
            var results = new RequestResult[requests.Length];
            for (var r = 0; r < results.Length; r++)
            {
                results[r] = Combine(requests[r], scores.AsSpan(next, requests[r].Windows.Count));
                next += requests[r].Windows.Count;
                if (!double.IsFinite(results[r].LogLikelihood))
                    throw new InvalidInputException($"model, on {task.Name}, document {document.Id}",
                        $"a log-likelihood of {results[r].LogLikelihood}", "a finite number");
            }
            samples[i] = new SampleResult(task.Name, document.Id, document.Target, document.Judge(results), results);
        }
        return samples;
    }

    private static RequestResult Combine(DocumentRequest request, ReadOnlySpan<TokenScore> windows)
    {
        double loglikelihood = 0;
        var greedy = true;
        foreach (var window in windows)
        {
            loglikelihood += window.LogLikelihood;
            greedy &= window.Greedy;
        }
        return new RequestResult(request.Context, request.Continuation, loglikelihood, greedy,
            request.ContextTokens, request.ContinuationTokens, request.DroppedTokens, request.Windows.Count);
    }

    private sealed record Pending(EvaluationTask Task, TaskDocument Document, DocumentRequest[] Requests);
}
