using Counterweight.Engine.Generation;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Routing;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Studies.BatchSize;

/// <summary>Finding i: does imbalance grow with batch size?</summary>
internal sealed class BatchSizeStudy : IStudy
{
    private const int LargestBatch = 512;
    private const int DecodedTokens = 16;
    private const string AllDomains = "all";

    public string Name => "batch-size";

    public string Title => "Finding i: imbalance and batch size";

    public string Method =>
        "The paper reports that imbalance grows with batch size (1.54 to 3.99 from batch 1 to 32). A small batch cannot be even, whatever the router does, so every batch size is compared with three "
        + "kinds of chance: tokens drawn apart from each other with their measured experts, choices drawn from the measured mean loads (multinomial), choices drawn from all experts alike. "
        + $"Prompts of {Prompts.Shortest} to {Prompts.Longest} tokens are cut from all given texts (nothing is planned here); each goes into one batch of each size. Decoding continues them greedily by "
        + $"{DecodedTokens} tokens; a batch is one step. Padding fills prompts up to the longest of the batch with the model's end token, and counts what the router makes of it. LIS of a batch is m·max/sum, mean over batches; "
        + "intervals hold 95 % of what chance gives for so many batches.";

    public string? Refuses(MoeModel model) => model.Shape.DecoderStart is null ? null : "an encoder-decoder, whose prompts and continuations are not one sequence";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var measured = Measure(context, cancellation);
        var tables = new BatchSizeTables(measured, context.Model.Shape.MoeLayers);
        return new StudyResult(tables.Findings(), [tables.Means, tables.Trends, tables.Layers]) { Charts = [.. tables.Charts()] };
    }

    private static IReadOnlyList<BatchCell> Measure(StudyContext context, CancellationToken cancellation)
    {
        var texts = context.CalibrationTexts(cancellation).Concat(context.EvaluationTexts).ToArray();
        var prompts = Prompts.Cut(texts, context.Quick ? 1024 : 2048, context.RandomFor("prompts"));
        var (prefill, decode) = Route(context, prompts, cancellation);
        var maker = new BatchMaker([.. prompts.Select(prompt => prompt.Tokens.Length)], DecodedTokens);
        var domains = prompts.Select((prompt, s) => (prompt.Domain, s)).GroupBy(entry => entry.Domain, entry => entry.s).Select(group => (group.Key, group.ToArray()))
            .Prepend((AllDomains, [.. Enumerable.Range(0, prompts.Count)])).ToArray();
        var cells =
            from kind in BatchKind.All
            from domain in domains
            from layer in Enumerable.Range(0, prefill.Layers)
            from size in Sizes()
            select new CellRequest(kind, domain.Item1, domain.Item2, layer, size);
        var measurement = new BatchMeasurement(context, maker, prefill, decode);
        using var work = context.Progress.Begin("Batches and chance", 0);
        return [.. cells.AsParallel().AsOrdered().WithCancellation(cancellation).Select(measurement.Of).OfType<BatchCell>()];
    }

    private static IEnumerable<int> Sizes()
    {
        for (var size = 1; size <= LargestBatch; size *= 2)
            yield return size;
    }

    private static (RoutedSequences Prefill, RoutedSequences Decode) Route(StudyContext context, IReadOnlyList<Prompt> prompts, CancellationToken cancellation)
    {
        var padding = PrefixToken.Of(context.Loaded).Id;
        int[][] padded = [.. prompts.Select(prompt => (int[])[.. prompt.Tokens, .. Enumerable.Repeat(padding, Prompts.Longest - prompt.Tokens.Length)])];
        using var work = context.Progress.Begin("Routing prompts", (long)prompts.Count * (2 * Prompts.Longest + DecodedTokens));
        var prefill = RoutedSequences.Of(context.Model, padded, tokens => work.Advance(tokens), cancellation);
        var continued = Prompts.Continue(context.Model, prompts, _ => DecodedTokens, _ => SamplingOptions.Greedy, tokens => work.Advance(tokens), cancellation);
        return (prefill, RoutedSequences.Of(context.Model, continued, tokens => work.Advance(tokens), cancellation));
    }
}
