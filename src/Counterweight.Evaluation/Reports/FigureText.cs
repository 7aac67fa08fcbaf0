using System.Globalization;

namespace Counterweight.Evaluation.Reports;

/// <summary>How figures are printed, in reports and in the terminal alike; independent of the machine's culture.</summary>
public static class FigureText
{
    /// <summary>A whole number with thousands apart: <c>12,345</c>.</summary>
    public static string Count(double value) => Print(value, "#,0");

    /// <summary>A score with two decimals: <c>1.37</c>.</summary>
    public static string Score(double value) => Print(value, "0.00");

    /// <summary>A correlation with three decimals: <c>0.995</c>.</summary>
    public static string Correlation(double value) => Print(value, "0.000");

    /// <summary>Four significant digits or more: <c>23.41</c>, <c>0.00214</c>.</summary>
    public static string Measure(double value) => Print(value, Math.Abs(value) switch
    {
        0 => "0",
        >= 1e6 or < 1e-4 => "0.00e0",
        >= 1000 => "#,0",
        >= 100 => "0.0",
        >= 1 => "0.00",
        >= 0.01 => "0.0000",
        _ => "0.000000",
    });

    /// <summary>Bytes in decimal units: <c>14.16 MB</c>.</summary>
    public static string Bytes(double bytes) => bytes switch
    {
        >= 1e9 => Print(bytes / 1e9, "0.00") + " GB",
        >= 1e6 => Print(bytes / 1e6, "0.00") + " MB",
        >= 1e3 => Print(bytes / 1e3, "0.00") + " kB",
        _ => Print(bytes, "0") + " B",
    };

    /// <summary>A share of 1 as percent: <c>71.2 %</c>.</summary>
    public static string Percent(double share) => Print(share * 100, "0.0") + " %";

    /// <summary>A relative change with its sign: <c>+0.21 %</c>.</summary>
    public static string RelativeChange(double ratio) => Print((ratio - 1) * 100, "+0.00;-0.00;0.00") + " %";

    /// <summary>A difference of shares in percentage points: <c>-0.20 ± 0.15 pp</c>.</summary>
    public static string Points(PairedDifference difference) =>
        $"{Print(difference.Value * 100, "+0.00;-0.00;0.00")} ± {Print(difference.Stderr * 100, "0.00")} pp";

    /// <summary>How much lower something became, from before / after: <c>1.58x lower</c>.</summary>
    public static string TimesLower(double ratio) => Print(ratio, "0.00") switch
    {
        "1.00" => "no change",
        var none when !double.IsFinite(ratio) => none,
        _ when ratio < 1 => Print(1 / ratio, "0.00") + "x higher",
        var times => times + "x lower",
    };

    private static string Print(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "n/a";
}
