using System.Text;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;

namespace Counterweight.Evaluation.Scoring;

/// <summary>Perplexity over plain text files, document by document in rolling windows that start from the prefix token.</summary>
/// <param name="scorer">The model.</param>
/// <param name="tokenizer">Its tokenizer, with the scorer's window.</param>
public sealed class TextPerplexity(ITokenScorer scorer, RequestTokenizer tokenizer)
{
    /// <summary>Scores the files (<see cref="TextDocuments.Read"/>).</summary>
    /// <param name="files">UTF-8 text files, one or more.</param>
    /// <param name="maxTokensPerFile">
    /// Documents that start after so many tokens of their file are left out, 1 or more; null for all.
    /// </param>
    /// <param name="scored">Told the number of newly scored tokens now and then; null for nobody.</param>
    /// <param name="cancellation">Ends the work between batches.</param>
    /// <exception cref="InvalidInputException">A file can't be used, or the model gives no finite number.</exception>
    public PerplexityResult Measure(
        IReadOnlyList<string> files,
        int? maxTokensPerFile = null,
        Action<int>? scored = null,
        CancellationToken cancellation = default)
    {
        if (files.Count == 0)
            throw new InvalidInputException("texts", "no file", "one or more text files");
        if (maxTokensPerFile < 1)
            throw new InvalidInputException("tokens of each text", $"{maxTokensPerFile}", "1 or more");
        var documents = files.Select(file => Tokenize(file, maxTokensPerFile)).ToArray();
        TokenRequest[] windows = [.. documents.SelectMany(file => file).SelectMany(document => document.Windows)];
        var scores = new Queue<TokenScore>(scorer.Score(windows, scored, cancellation));
        return new PerplexityResult([.. files.Zip(documents, (file, parts) => new FilePerplexity(file,
            [.. parts.Select((document, index) => Sum($"model, on {file}, document {index}", document, scores))]))]);
    }

    private List<DocumentRequest> Tokenize(string file, int? maxTokens)
    {
        var documents = new List<DocumentRequest>();
        var tokens = 0;
        foreach (var text in TextDocuments.Read(file))
        {
            if (tokens >= maxTokens)
                break;
            documents.Add(tokenizer.Rolling(text));
            tokens += documents[^1].ContinuationTokens;
        }
        return documents;
    }

    private static TextNats Sum(string where, DocumentRequest document, Queue<TokenScore> scores)
    {
        double loglikelihood = 0;
        for (var window = 0; window < document.Windows.Count; window++)
            loglikelihood += scores.Dequeue().LogLikelihood;
        return double.IsFinite(loglikelihood)
            ? new TextNats(document.ContinuationTokens, (long)Math.Round(Encoding.UTF8.GetByteCount(document.Continuation) * document.PredictedShare), -loglikelihood)
            : throw new InvalidInputException(where, $"a log-likelihood of {loglikelihood}", "a finite number");
    }
}
