namespace Counterweight.Evaluation.Reports.Html;

/// <summary>A part of the report with a heading of its own and a grid of figures.</summary>
internal static class Section
{
    public static void Write(HtmlWriter html, string id, string heading, string introduction, Action content)
    {
        html.Write(
            $"<section id=\"{id}\" aria-labelledby=\"{id}-heading\"><h2 id=\"{id}-heading\">{heading}</h2>"
            + $"<p class=\"lead\">{introduction}</p><div class=\"grid-of-figures\">\n");
        content();
        html.Write($"</div></section>\n");
    }
}
