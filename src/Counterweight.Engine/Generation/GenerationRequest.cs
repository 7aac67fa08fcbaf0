namespace Counterweight.Engine.Generation;

/// <summary>A text to continue.</summary>
/// <param name="Prompt">Token ids, at least one.</param>
/// <param name="MaxTokens">Tokens to add at most, 1 or more.</param>
/// <param name="Sampling">How tokens are drawn.</param>
/// <param name="IgnoreEnd">Goes on after an end token.</param>
/// <param name="EndTokens">The ids that end it; null: those of the model's config.</param>
public sealed record GenerationRequest(int[] Prompt, int MaxTokens, SamplingOptions Sampling, bool IgnoreEnd = false, IReadOnlyList<int>? EndTokens = null);

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>An end token came.</summary>
    Stop,

    /// <summary>The token limit or the model's longest sequence is reached.</summary>
    Length,
}

/// <summary>A token of one of the requests.</summary>
/// <param name="Request">Number of the request, counted from 0 in the order they were added.</param>
/// <param name="Token">The id; end tokens are handed out as well.</param>
/// <param name="Finish">Whether the sequence ends with it.</param>
public readonly record struct GeneratedToken(int Request, int Token, FinishReason Finish);
