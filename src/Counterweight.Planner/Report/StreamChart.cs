using Counterweight.Balancing.Streaming;

namespace Counterweight.Planner.Report;

/// <summary>The course of one stream under several controllers.</summary>
internal static class StreamChart
{
    private const double Width = 1020, Left = 64, Right = 10, Top = 30, CurveHeight = 240, BarHeight = 70, Bottom = 30;

    private static readonly string[] Colours = ["#8a94a6", "#b07d2b", "#c0392b", "#7d3c98", "#1f6feb", "#2e8b57"];

    public static string Draw(IReadOnlyList<StreamRun> runs)
    {
        var windows = runs[0].Windows;
        var svg = new Svg(Width, Top + CurveHeight + BarHeight + Bottom, $"Device imbalance over the stream {runs[0].Stream}");
        var top = Math.Max(1.02, runs.Max(run => run.Windows.Max(window => window.Even)));
        double X(int w) => Left + (Width - Left - Right) * (w + 0.5) / windows.Count;
        double Y(double value) => Top + CurveHeight * (1 - (value - 1) / (top - 1));
        for (var i = 0; i <= 4; i++)
        {
            var value = 1 + (top - 1) * i / 4;
            svg.Line(Left, Y(value), Width - Right, Y(value));
            svg.Text(Left - 8, Y(value) + 4, FormattableString.Invariant($"{value:F2}"), "end");
        }
        for (var w = 1; w < windows.Count; w++)
            if (windows[w].Segment != windows[w - 1].Segment)
                svg.Line((X(w - 1) + X(w)) / 2, Top, (X(w - 1) + X(w)) / 2, Top + CurveHeight + BarHeight + 10);
        for (var r = 0; r < runs.Count; r++)
        {
            svg.Path(runs[r].Windows.Select((window, w) => (X(w), Y(window.Even))), Colours[r % Colours.Length]);
            svg.Rectangle(Left + r * 110, 6, 12, 12, Colours[r % Colours.Length]);
            svg.Text(Left + r * 110 + 18, 16, runs[r].Controller);
        }
        DrawMoves(svg, runs, X, (Width - Left - Right) / windows.Count);
        return svg.ToString();
    }

    private static void DrawMoves(Svg svg, IReadOnlyList<StreamRun> runs, Func<int, double> x, double step)
    {
        var most = Math.Max(1, runs.Max(run => run.Windows.Max(window => window.Moves)));
        var floor = Top + CurveHeight + 10 + BarHeight;
        svg.Text(Left - 8, floor, "0 moves", "end");
        svg.Text(Left - 8, floor - BarHeight + 12, $"{most}", "end");
        var bar = step * 0.8 / runs.Count;
        for (var r = 0; r < runs.Count; r++)
            for (var w = 0; w < runs[r].Windows.Count; w++)
                if (runs[r].Windows[w] is { Moves: > 0 } window)
                    svg.Rectangle(x(w) - step * 0.4 + r * bar, floor - (double)BarHeight * window.Moves / most, bar, (double)BarHeight * window.Moves / most,
                        Colours[r % Colours.Length], $"{runs[r].Controller}, {runs[r].Segments[window.Segment]}: {window.Moves} moves");
    }
}
