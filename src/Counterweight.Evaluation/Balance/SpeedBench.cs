using System.Globalization;
using Counterweight.Balancing;
using Counterweight.Engine.Models;

namespace Counterweight.Evaluation.Balance;

/// <summary>Tokens per second of one kind of work.</summary>
/// <param name="Phase"><c>prefill</c> or <c>decode</c>.</param>
/// <param name="Batch">Sequences at once.</param>
/// <param name="Tokens">Tokens of each sequence that were timed.</param>
/// <param name="Min">The slowest run.</param>
/// <param name="Median">The middle run (of an even number the mean of the two).</param>
/// <param name="Max">The fastest run: the rest is other people's work on the machine.</param>
public sealed record SpeedFigure(string Phase, int Batch, int Tokens, double Min, double Median, double Max)
{
    internal static SpeedFigure Over(string phase, int batch, int tokens, IReadOnlyList<double> runs)
    {
        double[] sorted = [.. runs.Order()];
        return new SpeedFigure(phase, batch, tokens, sorted[0], (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[^1]);
    }
}

/// <summary>What <c>bench</c> times.</summary>
/// <param name="PromptTokens">Lengths of prompts for prefill, each below the model's longest input.</param>
/// <param name="Batches">Sequences at once for decoding, 1 or more each.</param>
/// <param name="DecodeTokens">Tokens that each sequence gets, 1 or more.</param>
/// <param name="Runs">Timed runs of each, 1 or more, after one that is not timed.</param>
public sealed record SpeedBench(IReadOnlyList<int> PromptTokens, IReadOnlyList<int> Batches, int DecodeTokens, int Runs)
{
    /// <summary>Prompts of decoding: short, so that the figure is that of decoding.</summary>
    private const int DecodePromptTokens = 32;

    private const int LongestDefaultPrompt = 2048;

    /// <summary>Prompts of 64, 256 and as many tokens as fit (at most 2048); decoding of 1, 8 and 32 sequences.</summary>
    public static IReadOnlyList<int> DefaultPrompts(ModelShape shape)
    {
        var longest = Math.Min(shape.MaxPositions - 1, LongestDefaultPrompt);
        return [.. new[] { 64, 256, longest }.Where(tokens => tokens <= longest).Distinct()];
    }

    /// <summary>Times everything.</summary>
    /// <exception cref="InvalidInputException">A prompt or a decoded sequence is longer than the model's longest.</exception>
    public IReadOnlyList<SpeedFigure> Run(MoeModel model, IProgressReporter progress, CancellationToken cancellation = default)
    {
        var decodePrompt = Math.Min(DecodePromptTokens, model.Shape.MaxPositions / 2);
        Check("--prompt-tokens", PromptTokens.Max(), model.Shape.MaxPositions - 1);
        Check("--tokens", DecodeTokens, model.Shape.MaxPositions - decodePrompt - 1);
        var probe = new SpeedProbe(model);
        var figures = new List<SpeedFigure>();
        using var work = progress.Begin("Timing", PromptTokens.Count + Batches.Count);
        foreach (var tokens in PromptTokens)
        {
            figures.Add(SpeedFigure.Over("prefill", 1, tokens, probe.Prefill(tokens, Runs, cancellation)));
            work.Advance(1);
        }
        foreach (var batch in Batches)
        {
            figures.Add(SpeedFigure.Over("decode", batch, DecodeTokens, probe.Decode(batch, DecodeTokens, decodePrompt, Runs, cancellation)));
            work.Advance(1);
        }
        return figures;
    }

    private static void Check(string option, int tokens, int most)
    {
        if (tokens > most)
            throw new InvalidInputException(option, tokens.ToString(CultureInfo.InvariantCulture), $"at most {most} for this model");
    }
}
