using System.Diagnostics;
using Counterweight.Engine.Generation;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>Tokens per second of prefill and of decoding, best of several runs: the rest is other people's work on the machine.</summary>
/// <param name="model">The model with its experts.</param>
public sealed unsafe class SpeedProbe(MoeModel model)
{
    /// <summary>Prefill of one prompt, with the logits of its last token.</summary>
    /// <param name="promptTokens">Length of the prompt, below the model's longest input.</param>
    /// <param name="runs">Timed runs, after one that is not.</param>
    /// <param name="cancellation">Ends the work between runs.</param>
    public IReadOnlyList<double> Prefill(int promptTokens, int runs, CancellationToken cancellation = default)
    {
        var prompt = Prompt(promptTokens, 0);
        var batch = new Batch();
        using var cache = model.NewSequence();
        using var logits = AlignedBuffer.OfFloats(model.Shape.Vocabulary);
        return Timed(runs, promptTokens, () =>
        {
            cancellation.ThrowIfCancellationRequested();
            cache.Truncate(0);
            batch.Clear();
            model.AddPrompt(batch, cache, prompt);
            model.Forward(batch);
            model.Logits(promptTokens - 1, 1, logits.Floats);
        });
    }

    /// <summary>Decoding of several sequences at once.</summary>
    /// <param name="sequences">Sequences.</param>
    /// <param name="tokens">Tokens that each of them gets.</param>
    /// <param name="promptTokens">Length of their prompts.</param>
    /// <param name="runs">Timed runs, after one that is not.</param>
    /// <param name="cancellation">Ends the work between tokens.</param>
    public IReadOnlyList<double> Decode(int sequences, int tokens, int promptTokens, int runs, CancellationToken cancellation = default)
    {
        var requests = Enumerable.Range(0, sequences)
            .Select(s => new GenerationRequest(Prompt(promptTokens, s), tokens + 1, SamplingOptions.Greedy, IgnoreEnd: true)).ToArray();
        var drawn = new List<GeneratedToken>();
        var speeds = new List<double>();
        for (var run = 0; run <= runs; run++)
        {
            using var session = new GenerationSession(model, requests);
            session.Step(drawn);
            drawn.Clear();
            var clock = Stopwatch.StartNew();
            for (; !session.Done; drawn.Clear())
            {
                cancellation.ThrowIfCancellationRequested();
                session.Step(drawn);
            }
            if (run > 0)
                speeds.Add(sequences * tokens / clock.Elapsed.TotalSeconds);
        }
        return speeds;
    }

    private static List<double> Timed(int runs, int tokens, Action work)
    {
        var speeds = new List<double>();
        for (var run = 0; run <= runs; run++)
        {
            var clock = Stopwatch.StartNew();
            work();
            if (run > 0)
                speeds.Add(tokens / clock.Elapsed.TotalSeconds);
        }
        return speeds;
    }

    private int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(model.Shape.Vocabulary))];
    }
}
