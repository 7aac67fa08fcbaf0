namespace Counterweight.Evaluation;

/// <summary>A prompt to continue with the most probable tokens.</summary>
/// <param name="Prompt">Token ids, one or more; with the new tokens at most the model's window.</param>
/// <param name="Stops">The text ends before the first of these; none is empty.</param>
/// <param name="MaxTokens">New tokens at most, 1 or more.</param>
public sealed record GenerateRequest(int[] Prompt, IReadOnlyList<string> Stops, int MaxTokens);

/// <summary>Continues prompts: what tasks with free answers ask of a model.</summary>
public interface ITextGenerator
{
    /// <summary>The new text of each request, in their order, without special tokens and without the stop string.</summary>
    /// <param name="requests">What to continue.</param>
    /// <param name="generated">Told the number of prompt and new tokens that went through the model now and then; null for nobody.</param>
    /// <param name="cancellation">Ends the work between steps.</param>
    string[] Generate(IReadOnlyList<GenerateRequest> requests, Action<int>? generated = null, CancellationToken cancellation = default);
}
