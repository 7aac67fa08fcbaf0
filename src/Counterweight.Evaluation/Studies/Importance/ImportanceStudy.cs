using System.Globalization;
using Counterweight.Balancing.Loads;
using Counterweight.Evaluation.Balance;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Studies.Importance;

/// <summary>Finding ii: does load tell importance?</summary>
internal sealed class ImportanceStudy : IStudy
{
    private const string AllDomains = "all";
    private const string MeanOfLayers = "mean";

    public string Name => "importance";

    public string Title => "Finding ii: load and importance";

    public string Method =>
        "The paper says that how often an expert is chosen says little of how much it matters. Rank correlations of load and importance over the experts of a layer, by domain of calibration text and by task (loads on the task's requests, importance on all calibration text), for every estimator: "
        + "the paper's Wanda score in three readings (bottom fraction of entries, top columns, top fraction of entries; negated, since the paper takes the largest mean for the least important), the measured distortion at each precision times the sensitivity "
        + "of the layer, and the true rise of the loss when the expert is removed. The paper does not say how an expert is removed: here its output is taken for zero, router and gate weights stay. Intervals hold 95 % of bootstrap resamples of experts.";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var calibration = context.Calibration(cancellation);
        var removal = RemovalLoss.Measure(context, AllDomains, cancellation);
        var loads = ExpertLoads.Sum([.. calibration.Traces.Select(trace => trace.Total)]);
        var estimators = Estimator.All(calibration.Importance, removal[AllDomains]);
        var correlations = Correlations(context, loads, estimators, removal, cancellation);
        var experts = Experts(context, loads, estimators);
        var agreement = Agree(estimators);
        var removed = new RemovalStudy(context).Measure(estimators, loads, cancellation);
        return new StudyResult([.. CorrelationFindings(correlations), .. AgreementFindings(estimators), .. RemovalFindings(removed)], [correlations, agreement, removed, experts])
        {
            Charts =
            [
                new StudyChart("correlations", MeanCorrelations(correlations), correlations),
                new StudyChart("removal-loss", RemovalChart(removed), removed),
                .. estimators.Select(estimator => new StudyChart($"scatter-{estimator.Name.ToLowerInvariant().Replace('.', '-')}", Scatter(context, loads, estimator), experts)),
            ],
        };
    }

    private static StudyTable Correlations(
        StudyContext context, ExpertLoads all, IReadOnlyList<Estimator> estimators, IReadOnlyDictionary<string, double[][]> removal, CancellationToken cancellation)
    {
        var table = new StudyTable("correlations", "Rank correlation of load and importance",
            "By estimator, domain or task, and layer; layer mean is the mean over layers. Positive: busy experts are important ones.",
            "estimator", "domain", "layer", "spearman", "spearmanLow", "spearmanHigh", "kendall", "kendallLow", "kendallHigh");
        var domains = context.Domains(cancellation).Select(domain => (domain.Name, domain.Loads, Estimators: Estimator.All(domain.Importance, removal.GetValueOrDefault(domain.Name))))
            .Prepend((Name: AllDomains, Loads: all, Estimators: estimators))
            .Concat(new TaskMeasurement(context).Measure("whole model", cancellation).Select(task => (task.Name, Loads: ExpertLoads.Sum(task.Traffic.Windows), Estimators: estimators))).ToArray();
        var resamples = context.Quick ? 300 : 2000;
        var seed = (uint)context.SeedFor("bootstrap of experts");
        var rows =
            from domain in domains
            from estimator in domain.Estimators
            from layer in Enumerable.Range(-1, domain.Loads.Layers + 1)
            select (domain.Name, Loads: Agreement.Rows(domain.Loads), estimator, layer);
        var measured = rows.AsParallel().AsOrdered().WithCancellation(cancellation).Select(row => (row, LoadCorrelation.Of(
            row.layer < 0 ? row.Loads : [row.Loads[row.layer]], row.layer < 0 ? row.estimator.Importance : [row.estimator.Importance[row.layer]], seed, resamples)));
        foreach (var ((name, _, estimator, layer), c) in measured.ToArray())
            table.Add(estimator.Name, name, layer < 0 ? MeanOfLayers : $"{context.Model.Shape.MoeLayers[layer]}",
                c.Spearman, c.SpearmanLow, c.SpearmanHigh, c.Kendall, c.KendallLow, c.KendallHigh);
        return table;
    }

    private static StudyTable Experts(StudyContext context, ExpertLoads loads, IReadOnlyList<Estimator> estimators)
    {
        var table = new StudyTable("experts", "Load and importance of every expert", "On all calibration text; load over the mean of the layer. More is more important.",
            ["layer", "expert", "tokens", "loadOverMean", .. estimators.Select(estimator => estimator.Name)]);
        for (var layer = 0; layer < loads.Layers; layer++)
        {
            var mean = Math.Max(double.Epsilon, loads[layer].ToArray().Average());
            for (var expert = 0; expert < loads.Experts; expert++)
                table.Add([context.Model.Shape.MoeLayers[layer], expert, loads[layer][expert], loads[layer][expert] / mean,
                    .. estimators.Select(estimator => (object?)estimator.Importance[layer][expert])]);
        }
        return table;
    }

    private static StudyTable Agree(IReadOnlyList<Estimator> estimators)
    {
        var table = new StudyTable("estimators", "Do the estimators agree?", "Spearman's rank correlation between estimators, mean over layers, all calibration text.",
            ["estimator", .. estimators.Select(estimator => estimator.Name)]);
        foreach (var row in estimators)
            table.Add([row.Name, .. estimators.Select(column => (object?)Agreement.MeanSpearman(row.Importance, column.Importance))]);
        return table;
    }

    private static IEnumerable<IReadOnlyList<object?>> Means(StudyTable correlations) =>
        correlations.Rows.Where(row => (string)row[1]! == AllDomains && (string)row[2]! == MeanOfLayers);

    private static IEnumerable<string> CorrelationFindings(StudyTable correlations) => Means(correlations).Select(row =>
    {
        var (rho, low, high) = ((double)row[3]!, (double)row[4]!, (double)row[5]!);
        var verdict = low > 0.5 ? "By this estimator load tells much of importance: the claim does not hold."
            : low > 0 ? "By this estimator load tells something of importance, not all." : high < 0 ? "By this estimator busy experts are the less important ones." : "No relation can be told.";
        return string.Create(CultureInfo.InvariantCulture, $"Load against {row[0]}: Spearman {rho:0.00} (95 % {low:0.00} to {high:0.00}), Kendall {(double)row[6]!:0.00}, mean over layers. {verdict}");
    });

    private static IEnumerable<string> AgreementFindings(IReadOnlyList<Estimator> estimators)
    {
        var truth = estimators.Single(estimator => estimator.Name == Estimator.Removal);
        var scores = estimators.Where(estimator => estimator != truth)
            .Select(estimator => string.Create(CultureInfo.InvariantCulture, $"{estimator.Name} {Agreement.MeanSpearman(estimator.Importance, truth.Importance):0.00}"));
        yield return $"Against the true removal loss (Spearman, mean over layers): {string.Join(", ", scores)}.";
    }

    private static IEnumerable<string> RemovalFindings(StudyTable removed)
    {
        var all = removed.Rows.Where(row => (string)row[1]! == RemovalStudy.AllLayers).DistinctBy(row => row[0]).OrderBy(row => (double)row[4]!);
        yield return "One expert of every layer removed, the least important by an estimator or another pick: rise of the loss in nats per token (95 % interval): "
            + string.Join("; ", all.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row[0]} {(double)row[4]!:0.0000} ({(double)row[5]!:0.0000} to {(double)row[6]!:0.0000})"))) + ".";
    }

    private static IntervalPlot MeanCorrelations(StudyTable correlations) =>
        new("Load against importance", "Spearman's rank correlation by estimator, mean over layers, all calibration text, with 95 % intervals.", "Spearman's ρ")
        {
            Rows = [.. Means(correlations).Select(row => new IntervalRow((string)row[0]!, (double)row[3]!, (double)row[4]!, (double)row[5]!,
                $"{row[0]}: {FigureText.Correlation((double)row[3]!)} ({FigureText.Correlation((double)row[4]!)} to {FigureText.Correlation((double)row[5]!)})", true))],
        };

    private static IntervalPlot RemovalChart(StudyTable removed) =>
        new("Removing one expert of every layer", "Rise of the loss on evaluation text by the way the expert is chosen, with 95 % intervals.", "nats per token")
        {
            Rows = [.. removed.Rows.Where(row => (string)row[1]! == RemovalStudy.AllLayers).DistinctBy(row => row[0]).Select(row => new IntervalRow(
                (string)row[0]!, (double)row[4]!, (double)row[5]!, (double)row[6]!, $"{row[0]}: {FigureText.Measure((double)row[4]!)}", false))],
        };

    private static ScatterPlot Scatter(StudyContext context, ExpertLoads loads, Estimator estimator)
    {
        var layers = context.Model.Shape.MoeLayers;
        var shares = Agreement.Rows(loads).Select(row => row.Select(load => load / Math.Max(double.Epsilon, row.Average())).ToArray()).ToArray();
        return new ScatterPlot($"Load and {estimator.Name}", "One point for each expert, on all calibration text; colours are layers, from first to last.", "load over mean load of the layer", estimator.Name)
        {
            Points = [.. from layer in Enumerable.Range(0, shares.Length)
                         from expert in Enumerable.Range(0, shares[layer].Length)
                         select new ScatterPoint(shares[layer][expert], estimator.Importance[layer][expert], Colour(layer, shares.Length),
                             $"layer {layers[layer]}, expert {expert}: load {FigureText.Score(shares[layer][expert])} x mean, {FigureText.Measure(estimator.Importance[layer][expert])}")],
            Legend = shares.Length <= 8 ? [.. layers.Select((layer, l) => new LegendEntry(Colour(l, shares.Length), $"layer {layer}"))] : [],
        };
    }

    private static string Colour(int layer, int layers) => $"s{layer * 8 / Math.Max(8, layers)}";
}
