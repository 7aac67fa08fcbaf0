using System.Globalization;
using System.Net;
using System.Text;

namespace Counterweight.Planner.Report;

/// <summary>A picture as inline SVG: coordinates in pixels, text is escaped.</summary>
internal sealed class Svg(double width, double height, string title)
{
    private readonly StringBuilder _shapes = new();

    public void Rectangle(double x, double y, double w, double h, string fill, string? tip = null) =>
        _shapes.Append(CultureInfo.InvariantCulture,
        $"<rect x=\"{x:F1}\" y=\"{y:F1}\" width=\"{w:F1}\" height=\"{h:F1}\" fill=\"{fill}\">{(tip is null ? "" : $"<title>{Escape(tip)}</title>")}</rect>");

    public void Line(double x1, double y1, double x2, double y2, string stroke = "#d0d4da") => _shapes.Append(CultureInfo.InvariantCulture,
        $"<line x1=\"{x1:F1}\" y1=\"{y1:F1}\" x2=\"{x2:F1}\" y2=\"{y2:F1}\" stroke=\"{stroke}\"/>");

    public void Path(IEnumerable<(double X, double Y)> points, string stroke) => _shapes.Append(CultureInfo.InvariantCulture,
        $"<polyline fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\" points=\"{string.Join(' ', points.Select(p => FormattableString.Invariant($"{p.X:F1},{p.Y:F1}")))}\"/>");

    public void Dot(double x, double y, string fill, string tip) => _shapes.Append(CultureInfo.InvariantCulture,
        $"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3.5\" fill=\"{fill}\"><title>{Escape(tip)}</title></circle>");

    /// <param name="x">Where the text is anchored.</param>
    /// <param name="y">Its baseline.</param>
    /// <param name="text">The text.</param>
    /// <param name="anchor">start, middle or end.</param>
    /// <param name="fill">Its colour.</param>
    public void Text(double x, double y, string text, string anchor = "start", string fill = "#333") =>
        _shapes.Append(CultureInfo.InvariantCulture,
        $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{Escape(text)}</text>");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"<svg viewBox=\"0 0 {width:F0} {height:F0}\" width=\"{width:F0}\" role=\"img\" aria-label=\"{Escape(title)}\">{_shapes}</svg>");

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>White at 1 and below, through yellow and red to dark red at <paramref name="worst"/>.</summary>
    public static string Heat(double value, double worst)
    {
        var t = Math.Clamp((value - 1) / Math.Max(worst - 1, 1e-9), 0, 1);
        (double R, double G, double B)[] stops = [(247, 250, 252), (254, 217, 118), (240, 59, 32), (110, 0, 30)];
        var at = t * (stops.Length - 1);
        var (a, b) = (stops[(int)Math.Min(at, stops.Length - 2)], stops[(int)Math.Min(at, stops.Length - 2) + 1]);
        var f = at - (int)Math.Min(at, stops.Length - 2);
        return FormattableString.Invariant($"rgb({a.R + (b.R - a.R) * f:F0},{a.G + (b.G - a.G) * f:F0},{a.B + (b.B - a.B) * f:F0})");
    }

    /// <summary>Text that can be read on <see cref="Heat"/>.</summary>
    public static string Ink(double value, double worst) => (value - 1) / Math.Max(worst - 1, 1e-9) > 0.55 ? "#fff" : "#222";
}
