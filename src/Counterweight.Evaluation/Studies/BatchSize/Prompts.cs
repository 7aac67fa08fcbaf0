using Counterweight.Engine.Calibration;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>A prompt of the study.</summary>
/// <param name="Domain">The text that it was cut from.</param>
/// <param name="Tokens">Its tokens.</param>
internal sealed record Prompt(string Domain, int[] Tokens);

/// <summary>Cuts texts into prompts of unequal length, as serving gets them, and continues them.</summary>
internal static class Prompts
{
    public const int Shortest = 8;
    public const int Longest = 64;

    /// <summary>Lengths are drawn evenly from <see cref="Shortest"/> to <see cref="Longest"/>.</summary>
    /// <param name="texts">Texts; those of one name are one domain.</param>
    /// <param name="most">Most prompts, taken evenly over domains.</param>
    /// <param name="random">Draws lengths and order.</param>
    public static IReadOnlyList<Prompt> Cut(IReadOnlyList<TokenText> texts, int most, Random random)
    {
        var domains = texts.GroupBy(text => text.Name).ToArray();
        var prompts = new List<Prompt>();
        foreach (var domain in domains)
        {
            var pieces = domain.SelectMany(text => text.Sequences).SelectMany(sequence => Pieces(sequence, random)).ToArray();
            random.Shuffle(pieces);
            prompts.AddRange(pieces.Take((most + domains.Length - 1) / domains.Length).Select(piece => new Prompt(domain.Key, piece)));
        }
        return prompts;
    }

    private static IEnumerable<int[]> Pieces(int[] sequence, Random random)
    {
        for (var first = 0; first + Shortest <= sequence.Length;)
        {
            var length = Math.Min(random.Next(Shortest, Longest + 1), sequence.Length - first);
            yield return sequence[first..(first + length)];
            first += length;
        }
    }

    /// <summary>Greedy continuations with their prompts in front: what the tokens of a decoding step are.</summary>
    public static IReadOnlyList<int[]> Continue(MoeModel model, IReadOnlyList<Prompt> prompts, int tokens, Action<int> step, CancellationToken cancellation)
    {
        var requests = prompts.Select(prompt => new GenerationRequest(prompt.Tokens, tokens, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        var texts = prompts.Select(prompt => prompt.Tokens.ToList()).ToArray();
        using var session = new GenerationSession(model, requests);
        for (var drawn = new List<GeneratedToken>(); !session.Done; drawn.Clear())
        {
            cancellation.ThrowIfCancellationRequested();
            session.Step(drawn);
            foreach (var token in drawn)
                texts[token.Request].Add(token.Token);
            step(drawn.Count);
        }
        return [.. texts.Select(text => text.ToArray())];
    }
}
