namespace Counterweight.Evaluation.Scoring;

/// <summary>How well a model predicts a stretch of text.</summary>
/// <param name="Tokens">Tokens predicted.</param>
/// <param name="Bytes">UTF-8 bytes of the text; where a part of its tokens is predicted, that share of them.</param>
/// <param name="Nats">Negative natural-log probability of all tokens.</param>
public readonly record struct TextNats(long Tokens, long Bytes, double Nats)
{
    /// <summary>Mean nats per token.</summary>
    public double NatsPerToken => Nats / Tokens;

    /// <summary>Perplexity per token: exp(nats / tokens).</summary>
    public double Perplexity => Math.Exp(Nats / Tokens);

    /// <summary>Perplexity per byte, which doesn't depend on the tokenizer: exp(nats / bytes).</summary>
    public double BytePerplexity => Math.Exp(Nats / Bytes);

    internal static TextNats Sum(IEnumerable<TextNats> parts) =>
        parts.Aggregate((sum, part) => new TextNats(sum.Tokens + part.Tokens, sum.Bytes + part.Bytes, sum.Nats + part.Nats));
}

/// <summary>A file's figures.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Documents">Its documents, in order.</param>
public sealed record FilePerplexity(string File, IReadOnlyList<TextNats> Documents)
{
    /// <summary>Over all of its documents.</summary>
    public TextNats Total { get; } = TextNats.Sum(Documents);
}

/// <summary>Figures of several files.</summary>
/// <param name="Files">In the order given.</param>
public sealed record PerplexityResult(IReadOnlyList<FilePerplexity> Files)
{
    /// <summary>Over all files.</summary>
    public TextNats Total { get; } = TextNats.Sum(Files.Select(file => file.Total));
}
