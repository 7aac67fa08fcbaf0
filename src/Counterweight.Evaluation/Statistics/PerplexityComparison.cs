using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Statistics;

/// <summary>Two models on the same documents, compared document by document.</summary>
/// <param name="Documents">Number of documents.</param>
/// <param name="Before">Perplexity per token of the first model.</param>
/// <param name="After">Perplexity per token of the second.</param>
/// <param name="NatsPerToken">
/// After − before in nats per token: r = Σd / Σt over the documents' differences in nats d and their tokens t, standard error
/// √(n / (n − 1) · Σ(d − r·t)²) / Σt (ratio estimator; Cochran, "Sampling Techniques", 1977, chapter 6), Student's t.
/// </param>
public sealed record PerplexityComparison(int Documents, double Before, double After, StudentInterval NatsPerToken)
{
    /// <summary>Perplexity after / before; below 1 is better.</summary>
    public double Ratio => Math.Exp(NatsPerToken.Value);

    /// <summary>95 % interval of <see cref="Ratio"/>.</summary>
    public (double Low, double High) RatioInterval => (Math.Exp(NatsPerToken.Low), Math.Exp(NatsPerToken.High));

    /// <summary>Compares two results over the same files.</summary>
    /// <exception cref="InvalidInputException">The results are of different files or documents.</exception>
    public static PerplexityComparison Of(PerplexityResult before, PerplexityResult after)
    {
        if (!before.Files.Select(file => file.File).SequenceEqual(after.Files.Select(file => file.File)))
            throw new InvalidInputException("perplexities to compare", string.Join(", ", after.Files.Select(file => file.File)),
                string.Join(", ", before.Files.Select(file => file.File)));
        return Of([.. before.Files.SelectMany(file => file.Documents)], [.. after.Files.SelectMany(file => file.Documents)]);
    }

    /// <summary>Compares documents; <paramref name="after"/>[i] and <paramref name="before"/>[i] are the same text.</summary>
    /// <exception cref="InvalidInputException">Their numbers, tokens or bytes differ.</exception>
    public static PerplexityComparison Of(IReadOnlyList<TextNats> before, IReadOnlyList<TextNats> after)
    {
        if (before.Count == 0 || !before.Select(Size).SequenceEqual(after.Select(Size)))
            throw new InvalidInputException("perplexities to compare", "other documents", "the same documents with the same tokens");
        var (sumBefore, sumAfter) = (TextNats.Sum(before), TextNats.Sum(after));
        var perToken = (sumAfter.Nats - sumBefore.Nats) / sumBefore.Tokens;
        var squares = before.Zip(after, (b, a) => Math.Pow(a.Nats - b.Nats - perToken * b.Tokens, 2)).Sum();
        var standardError = Math.Sqrt(before.Count / (before.Count - 1.0) * squares) / sumBefore.Tokens;
        return new PerplexityComparison(before.Count, sumBefore.Perplexity, sumAfter.Perplexity,
            StudentInterval.Of(perToken, standardError, before.Count));
    }

    private static (long Tokens, long Bytes) Size(TextNats document) => (document.Tokens, document.Bytes);
}
