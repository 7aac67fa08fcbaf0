using System.Globalization;

namespace Counterweight.Evaluation.Reports;

/// <summary>Whether a figure moved for the better.</summary>
public enum Verdict
{
    /// <summary>No change that the printed digits or the measurement's 95 % interval can tell.</summary>
    Same,

    /// <summary>It improved.</summary>
    Better,

    /// <summary>It got worse.</summary>
    Worse,
}

/// <summary>One line of the comparison.</summary>
/// <param name="Label">What is compared.</param>
/// <param name="Before">The model as it was, printed.</param>
/// <param name="After">The model under the plan, printed.</param>
/// <param name="Change">After against before, printed.</param>
/// <param name="Verdict">Which way it went.</param>
public sealed record ComparisonRow(string Label, string Before, string After, string Change, Verdict Verdict);

/// <summary>The comparison of before and after that the terminal and the HTML report print.</summary>
public static class ComparisonRows
{
    /// <summary>Device counts that the comparison prints; the report holds more.</summary>
    private static readonly int[] DeviceCounts = [4, 8];

    /// <summary>All lines, in the order in which they are printed.</summary>
    public static IReadOnlyList<ComparisonRow> From(BalanceReport report) =>
        [.. Balance(report), .. Devices(report), .. Bytes(report), Perplexity(report), .. Accuracy(report), .. Speed(report)];

    private static IEnumerable<ComparisonRow> Balance(BalanceReport report)
    {
        var (before, after) = (report.Before, report.After);
        yield return Lower(
            "busiest slot, tokens, mean of layers",
            FigureText.Count(report.Detail.BusiestSlotBefore.Average()),
            FigureText.Count(report.Detail.BusiestSlotAfter.Average()),
            report.Change.StragglerRatio);
        yield return LowerScore("LIS, mean of layers", before.Lis.Mean, after.Lis.Mean);
        yield return LowerScore("LIS, worst layer", before.Lis.Max, after.Lis.Max);
        yield return LowerScore("LIS (paper form), mean of layers", before.LisPaper.Mean, after.LisPaper.Mean);
    }

    private static IEnumerable<ComparisonRow> Devices(BalanceReport report) =>
        from count in DeviceCounts
        where report.Before.DeviceImbalance.ContainsKey(count)
        from split in new[] { (Key: SplitNames.Even, Text: "even"), (Key: SplitNames.LeastLoaded, Text: "least loaded") }
        select LowerScore(
            string.Create(CultureInfo.InvariantCulture, $"device imbalance ({count}), {split.Text}"),
            report.Before.DeviceImbalance[count][split.Key].Mean,
            report.After.DeviceImbalance[count][split.Key].Mean);

    private static IEnumerable<ComparisonRow> Bytes(BalanceReport report)
    {
        var (before, after, change) = (report.Before, report.After, report.Change);
        yield return Relative(
            "expert bytes",
            FigureText.Bytes(before.ExpertBytes),
            FigureText.Bytes(after.ExpertBytes),
            change.ExpertBytesRatio,
            lowerIsBetter: true);
        yield return Relative(
            "total bytes",
            FigureText.Bytes(before.TotalBytes),
            FigureText.Bytes(after.TotalBytes),
            change.TotalBytesRatio,
            lowerIsBetter: true);
    }

    private static ComparisonRow Perplexity(BalanceReport report)
    {
        var difference = report.Change.PerplexityDifference;
        var stderr = FigureText.Score(difference.Stderr / report.Before.Perplexity * 100);
        return new ComparisonRow(
            "perplexity",
            FigureText.Measure(report.Before.Perplexity),
            FigureText.Measure(report.After.Perplexity),
            $"{FigureText.RelativeChange(report.Change.PerplexityRatio)[..^2]} ± {stderr} %",
            Judge(-difference.High, -difference.Low));
    }

    private static IEnumerable<ComparisonRow> Accuracy(BalanceReport report) =>
        from task in report.Before.Accuracy
        let difference = report.Change.AccuracyDifference[task.Key]
        select new ComparisonRow(
            $"accuracy, {task.Key}",
            FigureText.Percent(task.Value.Value),
            FigureText.Percent(report.After.Accuracy[task.Key].Value),
            FigureText.Points(difference),
            Judge(difference.Low, difference.High));

    private static IEnumerable<ComparisonRow> Speed(BalanceReport report)
    {
        var (before, after, change) = (report.Before, report.After, report.Change);
        if (change.PrefillTokensPerSecondRatio is { } prefill)
            yield return Relative(
                "prefill tokens/s",
                Tokens(before.PrefillTokensPerSecond),
                Tokens(after.PrefillTokensPerSecond),
                prefill,
                lowerIsBetter: false);
        if (change.DecodeTokensPerSecondRatio is { } decode)
            yield return Relative(
                "decode tokens/s",
                Tokens(before.DecodeTokensPerSecond),
                Tokens(after.DecodeTokensPerSecond),
                decode,
                lowerIsBetter: false);

        static string Tokens(double? speed) => FigureText.Count(speed ?? double.NaN);
    }

    private static ComparisonRow LowerScore(string label, double before, double after) =>
        Lower(label, FigureText.Score(before), FigureText.Score(after), before / after);

    private static ComparisonRow Lower(string label, string before, string after, double ratio) =>
        new(label, before, after, FigureText.TimesLower(ratio), Math.Round(ratio, 2).CompareTo(1) switch
        {
            0 => Verdict.Same,
            > 0 => Verdict.Better,
            _ => Verdict.Worse,
        });

    private static ComparisonRow Relative(string label, string before, string after, double ratio, bool lowerIsBetter)
    {
        var change = Math.Round(ratio - 1, 4);
        var gain = lowerIsBetter ? -change : change;
        return new ComparisonRow(label, before, after, FigureText.RelativeChange(ratio), Judge(gain, gain));
    }

    /// <summary>A gain counts only where its whole interval lies on one side of nothing.</summary>
    private static Verdict Judge(double low, double high) =>
        low > 0 ? Verdict.Better : high < 0 ? Verdict.Worse : Verdict.Same;
}
