namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>What all pictures with a value axis share: frame, grid, ticks and axis titles.</summary>
internal static class Plot
{
    /// <summary>Width of a picture in its own units; about the pixels of a phone, so that text stays readable there.</summary>
    public const double Width = 440;

    public const double Left = 48;
    public const double Right = 432;
    public const double Top = 22;

    /// <summary>Opens the drawing; the marks between can be walked with the arrow keys.</summary>
    public static void Begin(HtmlWriter html, string title, string description, double height, double width = Width)
    {
        html.Write($"<svg viewBox=\"0 0 {width} {height}\" role=\"img\" tabindex=\"0\" class=\"chart\" style=\"max-width:{width * 1.45}px\" aria-label=\"{title}. {description}\">");
        html.Write($"<desc>{title}. {description}</desc>\n");
    }

    public static void End(HtmlWriter html) => html.Write($"</svg>\n");

    /// <summary>Horizontal grid lines with their values at the left, and the axis title above them.</summary>
    public static void ValueAxis(HtmlWriter html, Axis axis, string title)
    {
        foreach (var tick in axis.Ticks)
        {
            html.Write($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Right}\" y1=\"{axis.Map(tick)}\" y2=\"{axis.Map(tick)}\"/>");
            html.Write($"<text x=\"{Left - 6}\" y=\"{axis.Map(tick) + 4}\" class=\"end\">{Axis.Label(tick)}</text>\n");
        }
        html.Write($"<text x=\"2\" y=\"11\" class=\"axis\">{title}</text>\n");
    }

    /// <summary>Category names below the axis; only every n-th where they would touch.</summary>
    public static void CategoryAxis(HtmlWriter html, IReadOnlyList<string> names, double y, string title)
    {
        var step = (Right - Left) / names.Count;
        var every = (int)Math.Ceiling(names.Max(name => name.Length + 1) * 6.6 / step);
        for (var i = 0; i < names.Count; i += every)
            html.Write($"<text x=\"{Left + step * (i + 0.5)}\" y=\"{y + 16}\" class=\"middle\">{names[i]}</text>");
        html.Write($"<text x=\"{(Left + Right) / 2}\" y=\"{y + 34}\" class=\"axis middle\">{title}</text>\n");
    }
}
