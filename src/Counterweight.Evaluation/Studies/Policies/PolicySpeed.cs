using Counterweight.Evaluation.Balance;

namespace Counterweight.Evaluation.Studies.Policies;

/// <summary>Tokens a second of all variants in turns: a machine that is busy with other things slows all of them alike.</summary>
internal sealed class PolicySpeed(StudyContext context, VariantMeasurement measurement)
{
    private const int PromptTokens = 256;
    private const int DecodeSequences = 8;
    private const int DecodeTokens = 24;
    private const int DecodePromptTokens = 64;

    public StudyTable Measure(IReadOnlyList<MeasuredVariant> variants, CancellationToken cancellation)
    {
        var rounds = context.Quick ? 3 : 7;
        var speeds = variants.Select(_ => new List<(double Prefill, double Decode)>()).ToArray();
        var prompt = Math.Min(PromptTokens, context.Model.Shape.MaxPositions / 2);
        using var work = context.Progress.Begin("Taking speeds", rounds * variants.Count);
        for (var round = 0; round < rounds; round++)
            for (var v = 0; v < variants.Count; v++, work.Advance(1))
            {
                measurement.Load(variants[v].Variant, variants[v].Plan, cancellation);
                var probe = new SpeedProbe(context.Model);
                speeds[v].Add((probe.Prefill(prompt, 1, cancellation)[0], probe.Decode(DecodeSequences, DecodeTokens, Math.Min(DecodePromptTokens, prompt), 1, cancellation)[0]));
            }
        var table = new StudyTable("speed", "Tokens a second", $"Median of {rounds} rounds in turns; prompts of {prompt} tokens, {DecodeSequences} sequences decoded at once. Ratios are to raw.",
            "policy", "prefillTokensPerSecond", "decodeTokensPerSecond", "prefillRatio", "decodeRatio");
        var (prefill, decode) = (Median(speeds[0].Select(speed => speed.Prefill)), Median(speeds[0].Select(speed => speed.Decode)));
        for (var v = 0; v < variants.Count; v++)
        {
            var (p, d) = (Median(speeds[v].Select(speed => speed.Prefill)), Median(speeds[v].Select(speed => speed.Decode)));
            table.Add(variants[v].Variant.Name, p, d, p / prefill, d / decode);
        }
        return table;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
