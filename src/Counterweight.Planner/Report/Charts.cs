using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;

namespace Counterweight.Planner.Report;

/// <summary>The pictures of the report.</summary>
internal static class Charts
{
    private const double Width = 1000, Left = 60, Right = 20;
    private const string BeforeColour = "#b9c0ca", AfterColour = "#1f6fb2", OptimalColour = "#2e9e5b";

    /// <summary>Bars before and after for each layer.</summary>
    public static string Layers(EnginePlan plan, IReadOnlyList<TraceScore> scores)
    {
        const double Height = 300, Top = 30, Bottom = 30;
        var after = Mean(scores, score => score.Even);
        var before = scores[0].Before is null ? null : Mean(scores, score => score.Before!);
        var top = Math.Max(1.05, (before ?? after).Concat(after).Max());
        var svg = new Svg(Width, Height, "Device imbalance of each layer before and after");
        double Y(double value) => Height - Bottom - (value - 1) / (top - 1) * (Height - Top - Bottom);
        Axis(svg, top, Y, Width);
        var step = (Width - Left - Right) / after.Length;
        for (var l = 0; l < after.Length; l++)
        {
            var (x, name) = (Left + l * step, $"layer {plan.MoeLayers[l]}");
            if (before is not null)
                svg.Rectangle(x + 0.08 * step, Y(before[l]), 0.4 * step, Y(1) - Y(before[l]), BeforeColour,
                    $"{name}, no plan: {Figures.Imbalance(before[l])}");
            svg.Rectangle(x + 0.5 * step, Y(after[l]), 0.4 * step, Math.Max(1, Y(1) - Y(after[l])), AfterColour,
                $"{name}, this plan: {Figures.Imbalance(after[l])}");
            if (l % Math.Max(1, after.Length / 20) == 0)
                svg.Text(x + step / 2, Height - 10, $"{plan.MoeLayers[l]}", "middle");
        }
        Legend(svg, ("no plan", BeforeColour), ("this plan", AfterColour));
        return svg.ToString();
    }

    /// <summary>Rows of plans, columns of traces; the last row is this plan.</summary>
    public static string Matrix(double[][] imbalance, IReadOnlyList<string> names)
    {
        const double Cell = 28, NameWidth = 230, Top = 34;
        var cellWidth = Math.Clamp((Width - NameWidth - Right) / names.Count, 44, 90);
        var svg = new Svg(NameWidth + names.Count * cellWidth + Right, Top + imbalance.Length * Cell + 10 + names.Count * 18,
            "Imbalance of each plan under each trace");
        var worst = Math.Max(1.1, imbalance.SelectMany(row => row).Max());
        for (var c = 0; c < names.Count; c++)
            svg.Text(NameWidth + (c + 0.5) * cellWidth, 22, $"{c + 1}", "middle");
        for (var r = 0; r < imbalance.Length; r++)
        {
            var y = Top + r * Cell + (r == names.Count ? 6 : 0);
            svg.Text(NameWidth - 10, y + 18, r < names.Count ? $"from {Short(names[r])}" : "this plan", "end");
            for (var c = 0; c < names.Count; c++)
            {
                var x = NameWidth + c * cellWidth;
                svg.Rectangle(x + 1, y + 1, cellWidth - 2, Cell - 2, Svg.Heat(imbalance[r][c], worst));
                svg.Text(x + cellWidth / 2, y + 18, FormattableString.Invariant($"{imbalance[r][c]:F3}"), "middle",
                    Svg.Ink(imbalance[r][c], worst));
            }
        }
        for (var c = 0; c < names.Count; c++)
            svg.Text(NameWidth, Top + imbalance.Length * Cell + 26 + c * 18, $"{c + 1}  {Short(names[c])}");
        return svg.ToString();
    }

    /// <summary>Load of each device over the mean, a column for each layer.</summary>
    public static string Heatmap(EnginePlan plan, ExpertLoads loads)
    {
        const double Top = 10, Bottom = 54;
        var (cell, step) = (Math.Clamp(320.0 / plan.Devices, 3, 14), (Width - Left - Right) / loads.Layers);
        var height = Top + cell * plan.Devices + Bottom;
        var svg = new Svg(Width, height, "Load of each device in each layer");
        var columns = Enumerable.Range(0, loads.Layers).Select(l =>
            DeviceLoads.Even(plan.SlotExperts[l], loads[l], plan.Devices)).ToArray();
        var worst = Math.Max(1.02, columns.Max(column => LoadImbalance.MaxOverMean(column)));
        for (var l = 0; l < columns.Length; l++)
        {
            var mean = Math.Max(columns[l].Average(), double.Epsilon);
            for (var d = 0; d < plan.Devices; d++)
                svg.Rectangle(Left + l * step, Top + d * cell, step, cell, Svg.Heat(columns[l][d] / mean, worst),
                    $"layer {plan.MoeLayers[l]}, device {d}: {Figures.Imbalance(columns[l][d] / mean)}");
            if (l % Math.Max(1, columns.Length / 20) == 0)
                svg.Text(Left + (l + 0.5) * step, Top + plan.Devices * cell + 16, $"{plan.MoeLayers[l]}", "middle");
        }
        svg.Text(Left - 8, Top + 11, "device 0", "end");
        svg.Text(Left - 8, Top + plan.Devices * cell, $"{plan.Devices - 1}", "end");
        for (var i = 0; i < 100; i++)
            svg.Rectangle(Left + i * 2, height - 24, 2, 10, Svg.Heat(1 + (worst - 1) * i / 99, worst));
        svg.Text(Left, height - 2, "mean or less");
        svg.Text(Left + 206, height - 14, FormattableString.Invariant($"{worst:F3} × mean"));
        return svg.ToString();
    }

    /// <summary>Imbalance against redundant experts.</summary>
    public static string Curve(IReadOnlyList<RedundancyPoint> points)
    {
        const double Height = 260, Top = 30, Bottom = 40, CurveWidth = 640;
        var top = Math.Max(1.02, points.Max(point => point.Imbalance));
        var most = points[^1].RedundantExperts;
        var svg = new Svg(CurveWidth, Height, "Device imbalance by number of redundant experts");
        double Y(double value) => Height - Bottom - (value - 1) / (top - 1) * (Height - Top - Bottom);
        double X(int redundant) => Left + (CurveWidth - Left - Right) * (redundant - points[0].RedundantExperts) / Math.Max(1,
            most - points[0].RedundantExperts);
        Axis(svg, top, Y, CurveWidth);
        foreach (var (value, colour, name) in ((Func<RedundancyPoint, double>, string, string)[])
            [(point => point.Imbalance, AfterColour, "even split"), (point => point.Optimal, OptimalColour, "best split")])
        {
            svg.Path(points.Select(point => (X(point.RedundantExperts), Y(value(point)))), colour);
            foreach (var point in points)
                svg.Dot(X(point.RedundantExperts), Y(value(point)), colour,
                    $"{point.RedundantExperts} redundant experts, {name}: {Figures.Imbalance(value(point))}");
        }
        foreach (var point in points)
            svg.Text(X(point.RedundantExperts), Height - 20, $"{point.RedundantExperts}", "middle");
        svg.Text(CurveWidth / 2, Height - 4, "redundant experts in each layer", "middle");
        Legend(svg, ("even split", AfterColour), ("best split", OptimalColour));
        return svg.ToString();
    }

    private static void Axis(Svg svg, double top, Func<double, double> y, double width)
    {
        const int Lines = 4;
        for (var i = 0; i <= Lines; i++)
        {
            var value = 1 + (top - 1) * i / Lines;
            svg.Line(Left, y(value), width - Right, y(value));
            svg.Text(Left - 8, y(value) + 4, FormattableString.Invariant($"{value:F2}"), "end");
        }
    }

    private static void Legend(Svg svg, params (string Name, string Colour)[] entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            svg.Rectangle(Left + i * 110, 6, 12, 12, entries[i].Colour);
            svg.Text(Left + i * 110 + 18, 16, entries[i].Name);
        }
    }

    private static double[] Mean(IReadOnlyList<TraceScore> scores, Func<TraceScore, double[]> layers) =>
        [.. Enumerable.Range(0, scores[0].Even.Length).Select(l => scores.Average(score => layers(score)[l]))];

    private static string Short(string name) => name.Length <= 30 ? name : name[..29] + "…";
}
