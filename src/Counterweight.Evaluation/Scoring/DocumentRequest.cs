namespace Counterweight.Evaluation.Scoring;

/// <summary>What a document asks of the model: one text to score, in one or more windows, or one to write.</summary>
/// <param name="Context">Text before what is scored; null for a whole text.</param>
/// <param name="Continuation">The text that is scored; empty where one is written.</param>
/// <param name="Windows">Its token requests, whose log-likelihoods add up; none where there is no token to score.</param>
/// <param name="ContextTokens">Tokens of the context, before any are dropped; of a whole text those that are not predicted.</param>
/// <param name="ContinuationTokens">Tokens that are scored.</param>
/// <param name="DroppedTokens">Tokens cut from the left end of the context.</param>
public sealed record DocumentRequest(
    string? Context,
    string Continuation,
    IReadOnlyList<TokenRequest> Windows,
    int ContextTokens,
    int ContinuationTokens,
    int DroppedTokens)
{
    /// <summary>What to write; null where a text is scored.</summary>
    public GenerateRequest? Generation { get; init; }

    /// <summary>Of a whole text the share that is predicted: its words and bytes count by it.</summary>
    public double PredictedShare => Share(ContextTokens, ContinuationTokens);

    /// <summary>The share of a whole text that is predicted.</summary>
    internal static double Share(int read, int predicted) => read == 0 ? 1 : (double)predicted / (read + predicted);

    /// <summary>Tokens that the model is given, before anything is shared or written.</summary>
    public int Tokens => Windows.Sum(window => window.Input.Length) + (Generation?.Prompt.Length ?? 0);
}
