using Counterweight.Balancing.Streaming;

namespace Counterweight.Evaluation.Studies.Streaming;

/// <summary>The paper's streaming experiment (Fig. 8) and what it lacks: devices, bytes moved, quality, natural drift.</summary>
internal sealed class StreamingStudy : IStudy
{
    private static readonly string[] FewControllers = [StreamRun.None, "short-term", "hysteresis"];

    public string Name => "streaming";

    public string Title => "Streaming: plans that follow the traffic";

    public string Method =>
        "Traffic changes while a plan is served. Evaluation text, all of it, is cut into units whose loads are recorded, at prefill and when the model writes on; windows of four units make ten segments: "
        + "adversarial (each segment the domain whose loads differ most from the one before, as the paper's stream), domains in turn, gradual mixtures, bursts. A swap takes effect before the next window and changes only which experts the slots hold. "
        + "short-term, long-term and ema rebalance after every window, whatever it moves; hysteresis moves only for a gain that exceeds chance and the cost of the moves, and knows the traffic that the first plan was made from; oracle is told each segment's loads beforehand, late-oracle after its first window: "
        + "what it loses no controller can save that learns of a change from the traffic. Options are the defaults. The first plan comes from calibration text. Controllers see the loads of the unchanged model; perplexity is measured with the experts that they chose, split by gate.";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var material = StreamMaterial.Of(context, cancellation);
        var comparison = new StreamComparison(context, material, cancellation);
        var cases = comparison.Run();
        var quality = !comparison.Fits(StreamComparison.Devices) ? [] : new StreamQuality(context, material, comparison, cancellation)
            .Run(context.Quick ? ["adversarial"] : ["adversarial", "mixtures"], context.Quick ? FewControllers : [.. StreamingControllers.Names.Prepend(StreamRun.None)]);
        var tables = new StreamingTables(cases, quality);
        return new StudyResult(tables.Findings(), [tables.Controllers, tables.Segments, tables.Quality]) { Charts = [.. tables.Charts()] };
    }
}
