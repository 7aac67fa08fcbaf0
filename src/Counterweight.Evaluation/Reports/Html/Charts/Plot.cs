namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>What all pictures with a value axis share: frame, grid, ticks and axis titles.</summary>
internal static class Plot
{
    /// <summary>Width of a picture in its own units; about the pixels of a phone, so that text stays readable there.</summary>
    public const double Width = 440;

    public const double Left = 48;
    public const double Right = 432;
    public const double Top = 22;

    private const int LongestName = 18;
    private const int LongestNumber = 5;

    /// <summary>Opens the drawing; the marks between can be walked with the arrow keys.</summary>
    public static void Begin(HtmlWriter html, string title, string description, double height, double width = Width)
    {
        html.Write(
            $"<svg viewBox=\"0 0 {width} {height}\" role=\"img\" tabindex=\"0\" class=\"chart\" style=\"max-width:{width * 1.1}px\" "
            + $"aria-label=\"{title}. {description}\">");
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

    /// <summary>Height that the category axis needs: names that don't fit side by side are slanted, numbers are thinned out.</summary>
    public static double CategoryHeight(IReadOnlyList<string> names) =>
        IsSlanted(names) ? 28 + Math.Min(names.Max(name => name.Length), LongestName) * 4.0 : 44;

    /// <summary>Category names and the axis title below <paramref name="y"/>.</summary>
    public static void CategoryAxis(HtmlWriter html, IReadOnlyList<string> names, double y, string title)
    {
        var step = (Right - Left) / names.Count;
        var slanted = IsSlanted(names);
        var every = slanted ? (int)Math.Ceiling(14 / step) : (int)Math.Ceiling(WidthOf(names) / step);
        for (var i = 0; i < names.Count; i += every)
        {
            var x = Left + step * (i + 0.5);
            if (slanted)
                html.Write(
                    $"<text x=\"{x + 4}\" y=\"{y + 14}\" class=\"end\" transform=\"rotate(-35 {x + 4} {y + 14})\">{Shorten(names[i])}"
                    + $"</text>");
            else
                html.Write($"<text x=\"{x}\" y=\"{y + 16}\" class=\"middle\">{names[i]}</text>");
        }
        html.Write($"<text x=\"{(Left + Right) / 2}\" y=\"{y + CategoryHeight(names) - 10}\" class=\"axis middle\">{title}</text>\n");
    }

    /// <summary>A name that fits beside or below a picture; the table has it in full.</summary>
    public static string Shorten(string name) => name.Length <= LongestName ? name : name[..(LongestName - 1)] + "…";

    private static bool IsSlanted(IReadOnlyList<string> names) =>
        names.Max(name => name.Length) > LongestNumber && WidthOf(names) > (Right - Left) / names.Count;

    private static double WidthOf(IReadOnlyList<string> names) => names.Max(name => name.Length + 1) * 6.6;
}
