using Counterweight.Engine.Calibration;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Studies.Importance;

/// <summary>The slow truth: how much the loss rises when an expert is taken away, one expert at a time.</summary>
internal static class RemovalLoss
{
    /// <summary>Rise in nats per token by domain (and over all, under <paramref name="all"/>), [MoE layers][experts].</summary>
    public static IReadOnlyDictionary<string, double[][]> Measure(StudyContext context, string all, CancellationToken cancellation)
    {
        var (model, shape) = (context.Model, context.Model.Shape);
        var text = new TextLoss(shape, CalibrationText.Sample(context.CalibrationTexts(cancellation), context.Quick ? 1024 : 4096, context.Options.Seed));
        using var scorer = new ModelScorer(model);
        var before = text.Measure(scorer, cancellation);
        var rises = text.Domains.Distinct().Prepend(all).ToDictionary(domain => domain, _ => shape.MoeLayers.Select(_ => new double[shape.Experts]).ToArray());
        using var work = context.Progress.Begin("Removing each expert", (long)shape.MoeLayers.Count * shape.Experts);
        for (var layer = 0; layer < shape.MoeLayers.Count; layer++)
            for (var expert = 0; expert < shape.Experts; expert++)
            {
                int[] removed = [.. Enumerable.Range(0, shape.MoeLayers.Count).Select(l => l == layer ? expert : -1)];
                var after = TextLoss.Without(model, removed, () => text.Measure(scorer, cancellation));
                foreach (var (domain, rise) in rises)
                    rise[layer][expert] = Rise(domain == all ? null : domain, text.Domains, before, after);
                work.Advance(1);
            }
        return rises;
    }

    private static double Rise(string? domain, IReadOnlyList<string> domains, TextNats[] before, TextNats[] after)
    {
        var (nats, tokens) = (0.0, 0L);
        for (var s = 0; s < before.Length; s++)
            if (domain is null || domains[s] == domain)
            {
                nats += after[s].Nats - before[s].Nats;
                tokens += before[s].Tokens;
            }
        return nats / tokens;
    }
}
