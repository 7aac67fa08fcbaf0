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

    /// <summary>Continuations with their prompts in front: what the tokens of a decoding step are.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">What to continue.</param>
    /// <param name="tokens">Tokens to add to a prompt, by its index; none leaves it.</param>
    /// <param name="sampling">How they are drawn, by index.</param>
    /// <param name="step">Told the number of tokens after every step.</param>
    /// <param name="cancellation">Ends the work between steps.</param>
    public static IReadOnlyList<int[]> Continue(
        MoeModel model, IReadOnlyList<Prompt> prompts, Func<int, int> tokens, Func<int, SamplingOptions> sampling, Action<int> step, CancellationToken cancellation)
    {
        var continued = Enumerable.Range(0, prompts.Count).Where(i => tokens(i) > 0).ToArray();
        var requests = continued.Select(i => new GenerationRequest(prompts[i].Tokens, tokens(i), sampling(i), IgnoreEnd: true)).ToArray();
        var texts = prompts.Select(prompt => prompt.Tokens.ToList()).ToArray();
        using var session = new GenerationSession(model, requests);
        for (var drawn = new List<GeneratedToken>(); !session.Done; drawn.Clear())
        {
            cancellation.ThrowIfCancellationRequested();
            session.Step(drawn);
            foreach (var token in drawn)
                texts[continued[token.Request]].Add(token.Token);
            step(drawn.Count);
        }
        return [.. texts.Select(text => text.ToArray())];
    }
}
