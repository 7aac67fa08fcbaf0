using Counterweight.Balancing;
using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Balance;

/// <summary>Where calibration text comes from: files, or the model itself.</summary>
/// <param name="Files">Text files, one for each kind of traffic, no two of one name; not read where <paramref name="SelfTokens"/> is set.</param>
/// <param name="SelfTokens">Tokens that the model writes itself in place of files, 1024 or more; 0: none.</param>
/// <param name="Tokens">Most tokens of the files, 1024 or more.</param>
/// <param name="Seed">Draws them.</param>
public sealed record CalibrationSource(IReadOnlyList<string> Files, int SelfTokens, int Tokens, ulong Seed)
{
    private const int FewestTokens = 1024;

    /// <summary>Checks what needs no model.</summary>
    /// <exception cref="InvalidInputException">Names the option or file.</exception>
    public void Validate()
    {
        if (Tokens < FewestTokens)
            throw new InvalidInputException("--calibration-tokens", $"{Tokens}", $"{FewestTokens} or more");
        if (SelfTokens is < 0 or > 0 and < FewestTokens)
            throw new InvalidInputException("--self", $"{SelfTokens}", $"{FewestTokens} or more");
        if (SelfTokens == 0)
            TextFiles.Check("--text", Files);
    }

    /// <summary>Reads or samples the text.</summary>
    public IReadOnlyList<TokenText> Read(LoadedModel model, IProgressReporter progress, CancellationToken cancellation)
    {
        if (SelfTokens > 0)
            return SelfSampling.Run(model.Model, SelfTokens, Seed, new StepProgress(progress).Report, cancellation);
        var texts = CalibrationText.Read(Files, model.Tokenizer, PrefixToken.Of(model).Id, model.Model.Shape.MaxPositions);
        return CalibrationText.Sample(texts, Tokens, Seed);
    }
}
