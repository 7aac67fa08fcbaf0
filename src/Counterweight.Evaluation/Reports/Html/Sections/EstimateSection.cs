namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>How far calibration can be trusted.</summary>
internal static class EstimateSection
{
    public static void Write(HtmlWriter html, BalanceReport report)
    {
        html.Write(
            $"<section id=\"estimates\" aria-labelledby=\"estimates-heading\"><h2 id=\"estimates-heading\">What calibration foretold"
            + $"</h2>\n");
        html.Write(
            $"<p class=\"lead\">The plan was made from {FigureText.Count(report.Estimates.CalibrationTokens)} tokens of calibration "
            + $"text alone. ");
        html.Write($"Rank correlations are Spearman's, mean over layers.</p><div class=\"tables\">\n");
        new DataTable(["estimate", "value"], Rows(report.Estimates)).Write(html, "Calibration against evaluation");
        WriteEstimators(html, report.Estimates);
        html.Write($"</div></section>\n");
    }

    private static IEnumerable<IReadOnlyList<string>> Rows(CalibrationEstimates estimates)
    {
        var predicted = estimates.PredictedLoss is { } loss ? FigureText.Measure(loss) : "not predicted";
        yield return ["predicted rise of the loss, nats per token", predicted];
        yield return ["measured rise of the loss, nats per token", FigureText.Measure(estimates.MeasuredLoss)];
        if (estimates.Tenth is not { } tenth)
            yield break;
        yield return ["a tenth of the calibration text, tokens", FigureText.Count(tenth.Tokens)];
        yield return ["layers where the tenth finds the same heavy hitter", FigureText.Percent(tenth.HeavyHitterAgreement)];
        yield return ["rank correlation of loads, tenth against all", FigureText.Correlation(tenth.LoadSpearman)];
    }

    private static void WriteEstimators(HtmlWriter html, CalibrationEstimates estimates)
    {
        var tenth = estimates.Tenth?.ImportanceSpearman;
        var names = estimates.LoadImportanceSpearman.Keys.Union(tenth?.Keys ?? []).ToArray();
        if (names.Length == 0)
            return;
        var rows = names.Select(name => (IReadOnlyList<string>)[name, Score(estimates.LoadImportanceSpearman, name), Score(tenth, name)]);
        new DataTable(["importance estimator", "with load", "tenth against all"], rows).Write(html, "Rank correlations of importance");
    }

    private static string Score(IReadOnlyDictionary<string, double>? scores, string name) =>
        scores is not null && scores.TryGetValue(name, out var score) ? FigureText.Correlation(score) : "n/a";
}
