namespace Counterweight.Evaluation.Reports.Html.Sections;

/// <summary>What the report was made from, so that it can be made again.</summary>
internal static class ProvenanceSection
{
    public static void Write(HtmlWriter html, BalanceReport report)
    {
        var provenance = report.Provenance;
        html.Write($"<section id=\"provenance\" aria-labelledby=\"provenance-heading\"><h2 id=\"provenance-heading\">Provenance</h2>\n");
        html.Write(
            $"<p class=\"lead\">Counterweight {provenance.Version} on {report.Cpu}. Same command, seed and files give the same "
            + $"figures, timings aside.</p>\n");
        html.Write($"<pre tabindex=\"0\"><code>{provenance.Command}</code></pre><div class=\"tables\">\n");
        Files(provenance.CalibrationFiles).Write(html, "Calibration files");
        Files(provenance.EvaluationFiles).Write(html, "Evaluation files");
        new DataTable(
            ["option", "value"],
            provenance.Options.Select(option => (IReadOnlyList<string>)[option.Key, option.Value])).Write(html, "Options");
        if (report.Seconds is { } seconds)
            new DataTable(
                ["step", "seconds"],
                seconds.Select(step => (IReadOnlyList<string>)[step.Key, FigureText.Score(step.Value)])).Write(html, "Time");
        html.Write($"</div><p class=\"hash\">Router weights: {provenance.Fingerprint.WeightsHash ?? "not hashed"}</p></section>\n");
    }

    private static DataTable Files(IReadOnlyList<TextSource> files) =>
        new(["file", "tokens", "SHA-256"], files.Select(file => (IReadOnlyList<string>)
            [file.File, FigureText.Count(file.Tokens), file.Sha256?[..Math.Min(12, file.Sha256.Length)] ?? "none"]));
}
