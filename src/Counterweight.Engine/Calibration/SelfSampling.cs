using Counterweight.Balancing;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;

namespace Counterweight.Engine.Calibration;

/// <summary>Text that the model writes itself: what it was trained on, without anybody's files.</summary>
public static class SelfSampling
{
    private const int SequencesAtOnce = 32;

    /// <summary>Samples at temperature 1 from the model's own start token until there are enough tokens.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">Tokens wanted; the last sequences are cut to it.</param>
    /// <param name="seed">Seed of the first sequence; the others follow.</param>
    /// <param name="progress">Told (what, done, total).</param>
    /// <param name="cancellation">Ends the work between tokens.</param>
    public static IReadOnlyList<TokenText> Run(MoeModel model, int tokens, ulong seed, Action<string, int, int>? progress = null, CancellationToken cancellation = default)
    {
        var shape = model.Shape;
        if (shape.EncoderLayers > 0)
            throw new InvalidInputException("calibration text", $"none, for {shape.ModelType}", "text files: a model with an encoder writes nothing by itself");
        var start = shape.BosToken ?? (shape.EosTokens.Count > 0 ? shape.EosTokens[0] : 0);
        var sequences = new List<int[]>();
        var sampled = 0;
        for (var next = seed; sampled < tokens; next += SequencesAtOnce)
        {
            var requests = Enumerable.Range(0, SequencesAtOnce)
                .Select(i => new GenerationRequest([start], shape.MaxPositions - 1, new SamplingOptions { Seed = next + (ulong)i })).ToArray();
            foreach (var sequence in Sample(model, requests, cancellation).Where(sequence => sequence.Length > 1))
            {
                sequences.Add(sequence[..Math.Min(sequence.Length, Math.Max(tokens - sampled, 0))]);
                sampled += sequences[^1].Length;
            }
            progress?.Invoke("Sampling text", Math.Min(sampled, tokens), tokens);
        }
        return [new TokenText("self", [.. sequences.Where(sequence => sequence.Length > 0)])];
    }

    private static IEnumerable<int[]> Sample(MoeModel model, GenerationRequest[] requests, CancellationToken cancellation)
    {
        var sequences = requests.Select(request => new List<int>(request.Prompt)).ToArray();
        using var session = new GenerationSession(model, requests);
        for (var tokens = new List<GeneratedToken>(); !session.Done; tokens.Clear())
        {
            cancellation.ThrowIfCancellationRequested();
            session.Step(tokens);
            foreach (var token in tokens)
                if (token.Finish != FinishReason.Stop)
                    sequences[token.Request].Add(token.Token);
        }
        return sequences.Select(sequence => sequence.ToArray());
    }
}
