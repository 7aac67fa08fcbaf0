using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Calibration;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Studies.CalibrationSize;

/// <summary>Finding iii: how much calibration text is enough, and does it hold for other text?</summary>
internal sealed class CalibrationStudy : IStudy
{
    private const string Paper = "paper";
    private const string Budget = "budget";

    private static readonly double[] Fractions = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];

    public string Name => "calibration";

    public string Title => "Finding iii: calibration size and transfer";

    public string Method =>
        "The paper holds 10 % of the data for enough. Samples of the calibration text from 0.1 % to all of it, drawn several times, are compared with all of it: do they find the same heavy hitters, the same order of loads and of importance? "
        + "Plans are made from each sample by two policies and scored on the loads of evaluation text, which no plan has seen; copies share the tokens of their expert evenly. The transfer matrix makes plans from one domain alone and "
        + "scores them on each other. Sensitivities of layers and quantized experts come from all calibration text.";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var full = context.Calibration(cancellation);
        var unseen = context.Calibrator().RecordLoads(context.EvaluationTexts, cancellation);
        var check = new PlanCheck(context.Request(cancellation));
        var sizes = Sizes(context, full, ExpertLoads.Sum([.. unseen.Select(trace => trace.Total)]), check, cancellation);
        var means = Means(sizes);
        var transfer = Transfer(context, unseen, check, cancellation);
        return new StudyResult([.. SizeFindings(means), .. TransferFindings(transfer)], [means, sizes, transfer])
        {
            Charts = [new StudyChart("agreement", Agreements(means), means), new StudyChart("plan-lis", Plans(means), means), .. Matrices(transfer)],
        };
    }

    private static StudyTable Sizes(StudyContext context, CalibrationResult full, ExpertLoads unseen, PlanCheck check, CancellationToken cancellation)
    {
        var table = new StudyTable("sizes", "Samples of the calibration text", "Each draw of each size. Agreement: share of layers with the same heavy hitter as all text. Correlations: Spearman with all text, mean over layers. LIS and straggler (busiest slot before / after) on evaluation text.",
            "fraction", "draw", "tokens", "heavyHitterAgreement", "loadSpearman", "distortionSpearman", "wandaSpearman", "rawLis", "paperLis", "paperStraggler", "budgetLis", "budgetStraggler");
        var texts = context.CalibrationTexts(cancellation);
        var all = ExpertLoads.Sum([.. full.Traces.Select(trace => trace.Total)]);
        var tokens = texts.Sum(text => (long)text.Tokens);
        var draws = context.Quick ? 2 : 8;
        var raw = Enumerable.Range(0, unseen.Layers).Average(layer => LoadImbalance.MaxOverMean<long>(unseen[layer]));
        using var work = context.Progress.Begin("Calibrating on less", Fractions.Length * draws);
        foreach (var fraction in Fractions)
            for (var draw = 0; draw < (fraction < 1 ? draws : 1); draw++, work.Advance(1))
            {
                var sample = CalibrationText.Sample(texts, (int)Math.Ceiling(fraction * tokens), (uint)context.SeedFor($"calibration draw {draw} of {fraction}"));
                var (traces, importance) = fraction < 1 ? context.Calibrator().Estimate(sample, full, cancellation) : (full.Traces, full.Importance);
                var loads = ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);
                var agreement = Agreement.OfTenth(sample.Sum(text => (long)text.Tokens), loads, all, importance, full.Importance);
                var (paper, budget) = (check.Score(Paper, traces, importance, unseen), check.Score(Budget, traces, importance, unseen));
                table.Add(fraction, draw, agreement.Tokens, agreement.HeavyHitterAgreement, agreement.LoadSpearman, agreement.ImportanceSpearman[$"distortion.{Precision.Int4.Name()}"],
                    agreement.ImportanceSpearman["wandaTop"], raw, paper.Lis, paper.Straggler, budget.Lis, budget.Straggler);
            }
        return table;
    }

    private static StudyTable Means(StudyTable sizes)
    {
        var table = new StudyTable("size-means", "Calibration size, mean over draws", "Means over the draws of each size; draws where a policy found no plan within its limits are left out of its columns.",
            [.. sizes.Columns.Where(column => column != "draw")]);
        foreach (var group in sizes.Rows.GroupBy(row => (double)row[0]!))
            table.Add([group.Key, group.Average(row => (double)(long)row[2]!), .. Enumerable.Range(3, sizes.Columns.Count - 3).Select(column => (object?)Mean(group.Select(row => (double)row[column]!)))]);
        return table;
    }

    private static double Mean(IEnumerable<double> values) => values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();

    private static StudyTable Transfer(StudyContext context, IReadOnlyList<LoadTrace> unseen, PlanCheck check, CancellationToken cancellation)
    {
        var table = new StudyTable("transfer", "Plans from one domain on another", "A row makes plans from one calibration text and scores them on one evaluation text. Agreement of heavy hitters and Spearman of loads between the two.",
            "calibrated", "evaluated", "heavyHitterAgreement", "loadSpearman", "rawLis", "paperLis", "paperStraggler", "budgetLis", "budgetStraggler");
        foreach (var domain in context.Domains(cancellation))
            foreach (var traffic in unseen)
            {
                cancellation.ThrowIfCancellationRequested();
                var (loads, other) = (domain.Loads, traffic.Total);
                var layers = Enumerable.Range(0, loads.Layers).ToArray();
                var (paper, budget) = (check.Score(Paper, domain.Traces, domain.Importance, other), check.Score(Budget, domain.Traces, domain.Importance, other));
                table.Add(domain.Name, traffic.Name, layers.Average(layer => Agreement.HeavyHitter(loads, layer) == Agreement.HeavyHitter(other, layer) ? 1.0 : 0),
                    Agreement.MeanSpearman(Agreement.Rows(loads), Agreement.Rows(other)), layers.Average(layer => LoadImbalance.MaxOverMean<long>(other[layer])),
                    paper.Lis, paper.Straggler, budget.Lis, budget.Straggler);
            }
        return table;
    }

    private static IEnumerable<string> SizeFindings(StudyTable means)
    {
        foreach (var row in means.Rows.Where(row => row[0] is 0.001 or 0.01 or 0.1 or 1.0))
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{(double)row[0]! * 100:0.#} % of the text ({(double)row[1]!:0} tokens): same heavy hitter in {(double)row[2]! * 100:0} % of layers, loads correlate {(double)row[3]!:0.00}, distortion {(double)row[4]!:0.00}; ")
                + string.Create(CultureInfo.InvariantCulture, $"unseen LIS {(double)row[6]!:0.00} raw, {(double)row[7]!:0.00} paper, {(double)row[9]!:0.00} budget (straggler {(double)row[8]!:0.00}x and {(double)row[10]!:0.00}x lower).");
    }

    private static IEnumerable<string> TransferFindings(StudyTable transfer)
    {
        foreach (var (title, same) in new[] { ("the same domain", true), ("another domain", false) })
        {
            var rows = transfer.Rows.Where(row => (string)row[0]! == (string)row[1]! == same).ToArray();
            if (rows.Length > 0)
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"Calibrated on {title}: same heavy hitter in {rows.Average(row => (double)row[2]!) * 100:0} % of layers, loads correlate {rows.Average(row => (double)row[3]!):0.00}, ")
                    + string.Create(CultureInfo.InvariantCulture, $"straggler {Mean(rows.Select(row => (double)row[6]!)):0.00}x lower by paper and {Mean(rows.Select(row => (double)row[8]!)):0.00}x by budget.");
        }
    }

    private static string[] Percents(StudyTable means) => [.. means.Rows.Select(row => string.Create(CultureInfo.InvariantCulture, $"{(double)row[0]! * 100:0.#} %"))];

    private static double[] Column(StudyTable table, string name)
    {
        var column = table.Columns.ToList().IndexOf(name);
        return [.. table.Rows.Select(row => (double)row[column]!)];
    }

    private static LineChart Agreements(StudyTable means) => new("Agreement with all calibration text", "Mean over draws.", "agreement", "share of the calibration text")
    {
        Categories = Percents(means),
        Series =
        [
            new LineSeries("same heavy hitter, share of layers", "s0", Column(means, "heavyHitterAgreement")),
            new LineSeries("Spearman of loads", "s1", Column(means, "loadSpearman")),
            new LineSeries("Spearman of distortion", "s2", Column(means, "distortionSpearman")),
            new LineSeries("Spearman of Wanda (listing)", "s3", Column(means, "wandaSpearman")),
        ],
        Print = FigureText.Correlation,
    };

    private static LineChart Plans(StudyTable means) => new("LIS of plans on unseen text", "Evaluation text, mean over layers and draws.", "LIS", "share of the calibration text")
    {
        Categories = Percents(means),
        Series =
        [
            new LineSeries("no plan", "s7", Column(means, "rawLis")) { Dashed = true },
            new LineSeries("paper", "s1", Column(means, "paperLis")),
            new LineSeries("budget", "s0", Column(means, "budgetLis")),
        ],
        Print = FigureText.Score,
    };

    private static IEnumerable<StudyChart> Matrices(StudyTable transfer)
    {
        yield return Matrix("transfer-loads", "Loads of one domain against another", "Spearman's rank correlation, mean over layers.", transfer, "loadSpearman");
        yield return Matrix("transfer-paper", "Straggler of paper plans", "Busiest slot before over after: more is better.", transfer, "paperStraggler");
        yield return Matrix("transfer-budget", "Straggler of budget plans", "Busiest slot before over after: more is better.", transfer, "budgetStraggler");
    }

    private static StudyChart Matrix(string name, string title, string description, StudyTable transfer, string column)
    {
        string[] rows = [.. transfer.Rows.Select(row => (string)row[0]!).Distinct()];
        string[] columns = [.. transfer.Rows.Select(row => (string)row[1]!).Distinct()];
        return new StudyChart(name, new MatrixChart(title, description, "calibrated on", "evaluated on")
        {
            Rows = rows,
            Columns = columns,
            Values = [.. Column(transfer, column).Chunk(columns.Length)],
            Print = FigureText.Score,
        }, transfer);
    }
}
