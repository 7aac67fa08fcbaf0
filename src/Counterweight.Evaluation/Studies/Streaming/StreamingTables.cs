using System.Globalization;
using Counterweight.Balancing.Streaming;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Studies.Streaming;

/// <summary>The runs as tables, pictures and sentences.</summary>
internal sealed class StreamingTables
{
    private readonly IReadOnlyList<StreamCase> _cases;
    private readonly IReadOnlyList<QualityRow> _quality;

    public StreamingTables(IReadOnlyList<StreamCase> cases, IReadOnlyList<QualityRow> quality)
    {
        (_cases, _quality) = (cases, quality);
        foreach (var run in cases)
            AddRun(run);
        foreach (var run in Looked())
            foreach (var segment in run.Run.Windows.GroupBy(window => window.Segment))
                Segments.Add(run.Phase, run.Run.Stream, run.Run.Controller, segment.Key + 1, run.Run.Segments[segment.Key], segment.Average(w => w.Lis), segment.Last().CumulativeLis,
                    segment.Average(w => w.Even), segment.Average(w => w.LeastLoaded), segment.Sum(w => (long)w.Moves), segment.Sum(w => w.Bytes));
        foreach (var row in quality)
            Quality.Add(row.Stream, row.Controller, row.Frozen ? "frozen" : "free", row.Segment, row.Name, row.Perplexity.Before, row.Perplexity.After,
                row.Perplexity.Ratio, row.Perplexity.RatioInterval.Low, row.Perplexity.RatioInterval.High);
    }

    public StudyTable Controllers { get; } = new("controllers", "Controllers by stream and devices",
        "A row is a controller on a stream. LIS and device imbalance: mean over windows and layers; by gate the counts are those of the even split. windows: of a segment. ofOracle: imbalance (even) over the oracle's; ofShortTerm: bytes moved over short-term's.",
        "phase", "start", "windows", "stream", "devices", "controller", "lis", "cumulativeLis", "imbalanceEven", "imbalanceLeastLoaded", "expertsMoved", "bytesMoved", "ofOracle", "ofShortTerm");

    public StudyTable Segments { get; } = new("segments", "Segments",
        $"The same by segment, {StreamComparison.Devices} devices, started from a {StreamComparison.Start} plan. cumulativeLis: of all slot loads since the start.",
        "phase", "stream", "controller", "segment", "name", "lis", "cumulativeLis", "imbalanceEven", "imbalanceLeastLoaded", "expertsMoved", "bytesMoved");

    public StudyTable Quality { get; } = new("quality", "Perplexity under changing plans",
        "Segment 0 is the whole stream. Perplexity of the model as its checkpoint has it, and while the controller changed its experts; ratio with its 95 % interval, paired over units of text. frozen: no expert falls below the precision that the first plan gave it; free: experts change places whatever their precision.",
        "stream", "controller", "precisions", "segment", "name", "perplexityOriginal", "perplexity", "ratio", "low", "high");

    public IReadOnlyList<string> Findings()
    {
        var findings = new List<string>();
        foreach (var group in _cases.Where(run => run.Start == StreamComparison.Start && run.Devices == StreamComparison.Devices).GroupBy(run => run.Windows))
            findings.Add(WorstCase(group));
        foreach (var stream in Looked().GroupBy(run => (run.Phase, run.Run.Stream)))
        {
            var shortTerm = Of(stream, "short-term");
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{stream.Key.Stream}, {stream.Key.Phase}: device imbalance {Of(stream, StreamRun.None).MeanEven:0.000} without a change, {Of(stream, "hysteresis").MeanEven:0.000} with hysteresis, {shortTerm.MeanEven:0.000} short-term, {Of(stream, "oracle").MeanEven:0.000} oracle ")
                + string.Create(CultureInfo.InvariantCulture, $"({OverOracle(stream, "hysteresis"):+0.0;-0.0;0.0} %, late oracle {OverOracle(stream, "late-oracle"):+0.0;-0.0;0.0} %); hysteresis moved {Percent(Of(stream, "hysteresis").Bytes, shortTerm.Bytes)} of short-term's bytes."));
        }
        foreach (var row in _quality.Where(row => row.Segment == 0))
            findings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{row.Stream}, {row.Controller}, precisions {(row.Frozen ? "frozen" : "free")}: perplexity {100 * (row.Perplexity.Ratio - 1):+0.00;-0.00;0.00} % (95 % {100 * (row.Perplexity.RatioInterval.Low - 1):+0.00;-0.00;0.00} to {100 * (row.Perplexity.RatioInterval.High - 1):+0.00;-0.00;0.00})."));
        return findings;
    }

    private static string WorstCase(IGrouping<int, StreamCase> cases)
    {
        var streams = cases.GroupBy(run => (run.Phase, run.Run.Stream)).ToArray();
        return string.Create(CultureInfo.InvariantCulture,
            $"Segments of {cases.Key} windows, {StreamComparison.Devices} devices, worst of {streams.Length} streams: hysteresis {streams.Max(stream => OverOracle(stream, "hysteresis")):+0.0;-0.0;0.0} % over the oracle's device imbalance ")
            + string.Create(CultureInfo.InvariantCulture, $"(mean {streams.Average(stream => OverOracle(stream, "hysteresis")):+0.0;-0.0;0.0} %; late oracle {streams.Max(stream => OverOracle(stream, "late-oracle")):+0.0;-0.0;0.0} %), ")
            + string.Create(CultureInfo.InvariantCulture, $"at most {streams.Max(stream => 100.0 * Of(stream, "hysteresis").Bytes / Math.Max(1, Of(stream, "short-term").Bytes)):0.0} % of short-term's bytes.");
    }

    private static double OverOracle(IEnumerable<StreamCase> stream, string controller) => 100 * (Of(stream, controller).MeanEven / Of(stream, "oracle").MeanEven - 1);

    public IEnumerable<StudyChart> Charts()
    {
        foreach (var stream in Looked().Where(run => run.Phase == "prefill").GroupBy(run => run.Run.Stream))
        {
            yield return Chart($"imbalance-{stream.Key}", $"Device imbalance: {stream.Key}", "Mean over the layers of each segment's windows, even split.", [.. stream], segment => segment.Average(w => w.Even), "max / mean device load");
            yield return Chart($"cumulative-lis-{stream.Key}", $"Cumulative LIS: {stream.Key}", "LIS of all slot loads since the start, mean over layers, after each segment.", [.. stream], segment => segment[^1].CumulativeLis, "LIS");
        }
    }

    private StudyChart Chart(string name, string title, string description, StreamCase[] runs, Func<StreamWindow[], double> value, string axis) =>
        new(name, new LineChart(title, description, axis, "segment")
        {
            Categories = [.. runs[0].Run.Segments.Select((_, s) => (s + 1).ToString(CultureInfo.InvariantCulture))],
            Series = [.. runs.Select((run, i) => new LineSeries(run.Run.Controller, $"s{(i + 7) % 8}",
                [.. run.Run.Windows.GroupBy(window => window.Segment).Select(segment => value([.. segment]))]))],
            Print = FigureText.Score,
        }, Segments);

    private IEnumerable<StreamCase> Looked() => _cases.Where(run => run.IsMain);

    private void AddRun(StreamCase run)
    {
        var same = _cases.Where(other => (other.Phase, other.Start, other.Devices, other.Windows, other.Run.Stream) == (run.Phase, run.Start, run.Devices, run.Windows, run.Run.Stream)).ToArray();
        var (oracle, shortTerm) = (Of(same, "oracle"), Of(same, "short-term"));
        Controllers.Add(run.Phase, run.Start, run.Windows, run.Run.Stream, run.Devices, run.Run.Controller, run.Run.MeanLis, run.Run.Windows[^1].CumulativeLis, run.Run.MeanEven, run.Run.MeanLeastLoaded,
            run.Run.Moves, run.Run.Bytes, run.Run.MeanEven / oracle.MeanEven, shortTerm.Bytes > 0 ? (double)run.Run.Bytes / shortTerm.Bytes : null);
    }

    private static StreamRun Of(IEnumerable<StreamCase> cases, string controller) => cases.Single(run => run.Run.Controller == controller).Run;

    private static string Percent(long part, long whole) => whole > 0 ? string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.0} %") : "none";
}
