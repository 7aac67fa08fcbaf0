namespace Counterweight.Evaluation.Reports.Html;

/// <summary>A table of printed figures; the first column names the rows.</summary>
internal sealed record DataTable(IReadOnlyList<string> Headers, IEnumerable<IReadOnlyList<string>> Rows)
{
    public void Write(HtmlWriter html, string caption)
    {
        html.Write(
            $"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}</caption><thead>"
            + $"<tr>");
        foreach (var header in Headers)
            html.Write($"<th scope=\"col\">{header}</th>");
        html.Write($"</tr></thead><tbody>\n");
        foreach (var row in Rows)
        {
            html.Write($"<tr><th scope=\"row\">{row[0]}</th>");
            foreach (var cell in row.Skip(1))
                html.Write($"<td>{cell}</td>");
            html.Write($"</tr>\n");
        }
        html.Write($"</tbody></table></div>\n");
    }
}
