using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Balancing.Streaming;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Studies.Streaming;

/// <summary>What a segment's text costs the model under the plans that served it.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Controller">The controller.</param>
/// <param name="Frozen">Whether precisions were kept.</param>
/// <param name="Segment">Number from 1; 0 for the whole stream.</param>
/// <param name="Name">What came.</param>
/// <param name="Perplexity">Against the model as its checkpoint has it, unit by unit.</param>
internal sealed record QualityRow(string Stream, string Controller, bool Frozen, int Segment, string Name, PerplexityComparison Perplexity);

/// <summary>Runs the text of a stream through the model, changing its experts as a controller did.</summary>
internal sealed class StreamQuality(StudyContext context, StreamMaterial material, StreamComparison comparison, CancellationToken cancellation)
{
    // The split of the main job: low-weight tokens take the low-precision copies.
    private const string Split = "by-gate";

    private readonly MoeModel _model = context.Model;

    /// <summary>Perplexity by segment for these streams.</summary>
    public IReadOnlyList<QualityRow> Run(IReadOnlyList<string> patterns, IReadOnlyList<string> controllers)
    {
        var first = comparison.FirstPlan(StreamComparison.Start, StreamComparison.Devices);
        var streams = new StreamPatterns(material.Domains, material.Prefill, material.Shape);
        var rows = new List<QualityRow>();
        using var work = context.Progress.Begin("Perplexity of streams", 0);
        try
        {
            foreach (var pattern in patterns)
            {
                var (layout, stream) = (streams.Layout(pattern), streams.Build(pattern));
                var original = Score(layout, null, work);
                foreach (var controller in controllers)
                    foreach (var frozen in controller == StreamRun.None ? (bool[])[true] : [true, false])
                    {
                        var run = comparison.Serve(first, stream, controller, frozen);
                        rows.AddRange(Rows(run, frozen, original, Score(layout, run, work)));
                    }
            }
        }
        finally
        {
            context.LoadOriginal();
        }
        return rows;
    }

    // Nats of each unit, [segments][units].
    private TextNats[][] Score(IReadOnlyList<UnitSegment> layout, StreamRun? run, IWorkProgress work)
    {
        if (run is null)
            context.LoadOriginal();
        using var scorer = new ModelScorer(_model);
        Plan? loaded = null;
        var window = 0;
        return [.. layout.Select(segment => segment.Windows.SelectMany(units =>
        {
            if (run?.Windows[window++].Plan is { } plan && !ReferenceEquals(plan, loaded))
                _model.LoadExperts((loaded = plan).Layers, context.Calibration(cancellation).Experts, () => SplitPolicies.Create(Split), cancellation);
            return units.Select(unit => Nats(scorer, material.Units[unit.Kind][unit.Index], work));
        }).ToArray())];
    }

    private TextNats Nats(ModelScorer scorer, int[][] pieces, IWorkProgress work)
    {
        TokenRequest[] requests = [.. pieces.Where(piece => piece.Length > 1).Select(piece => RollingWindows.Whole(piece, _model.Shape.DecoderStart is not null))];
        var nats = -scorer.Score(requests, tokens => work.Advance(tokens), cancellation).Sum(score => score.LogLikelihood);
        return new TextNats(requests.Sum(request => request.Targets.Length), 0, nats);
    }

    private static IEnumerable<QualityRow> Rows(StreamRun run, bool frozen, TextNats[][] original, TextNats[][] served)
    {
        QualityRow Row(int segment, string name, IEnumerable<TextNats> before, IEnumerable<TextNats> after) =>
            new(run.Stream, run.Controller, frozen, segment, name, PerplexityComparison.Of([.. before], [.. after]));
        yield return Row(0, "all", original.SelectMany(units => units), served.SelectMany(units => units));
        for (var s = 0; s < original.Length; s++)
            yield return Row(s + 1, run.Segments[s], original[s], served[s]);
    }
}
