namespace Counterweight.Evaluation;

/// <summary>Token ids to run through the model, and the ids to score at its last positions.</summary>
/// <param name="Input">The model's input, at most <see cref="ITokenScorer.MaxLength"/> ids.</param>
/// <param name="Targets">Targets[i] is what should follow Input[Input.Length - Targets.Length + i]; at most Input.Length.</param>
public sealed record TokenRequest(int[] Input, int[] Targets);

/// <summary>What the model gives a request.</summary>
/// <param name="LogLikelihood">Sum of the natural-log probabilities of the targets.</param>
/// <param name="Greedy">Whether every target was the most probable token.</param>
public readonly record struct TokenScore(double LogLikelihood, bool Greedy);

/// <summary>Scores token sequences: all that an evaluation asks of a model.</summary>
public interface ITokenScorer
{
    /// <summary>The longest input, in tokens.</summary>
    int MaxLength { get; }

    /// <summary>Scores all requests, in an order of its own choice; results keep the order of the requests.</summary>
    /// <param name="requests">What to score.</param>
    /// <param name="scored">Told the number of newly scored tokens now and then; null for nobody.</param>
    /// <param name="cancellation">Ends the work between batches.</param>
    TokenScore[] Score(IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default);
}
