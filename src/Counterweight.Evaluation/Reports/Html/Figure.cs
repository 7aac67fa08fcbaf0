namespace Counterweight.Evaluation.Reports.Html;

/// <summary>A picture with its heading, what it says in words, its legend and the table behind it.</summary>
internal sealed record Figure(string Title, string Description, DataTable Table)
{
    /// <summary>Colour classes and names of what the picture shows; none where there is one series only.</summary>
    public IReadOnlyList<LegendEntry> Legend { get; init; } = [];

    /// <summary>Takes the whole width of the page.</summary>
    public bool Wide { get; init; }

    /// <param name="html">Where to.</param>
    /// <param name="picture">Draws the picture.</param>
    /// <param name="source">Says below it where it comes from; null for nothing.</param>
    public void Write(HtmlWriter html, Action<HtmlWriter> picture, Action? source = null)
    {
        html.Write($"<figure class=\"{(Wide ? "wide" : "")}\"><figcaption><h3>{Title}</h3><p>{Description}</p></figcaption>\n");
        if (Legend.Count > 0)
        {
            html.Write($"<ul class=\"legend\">");
            foreach (var entry in Legend)
                html.Write($"<li><span class=\"key {entry.Colour}\"></span>{entry.Name}</li>");
            html.Write($"</ul>\n");
        }
        picture(html);
        source?.Invoke();
        html.Write($"<details><summary>Figures as a table</summary>\n");
        Table.Write(html, Title);
        html.Write($"</details></figure>\n");
    }
}

/// <summary>One colour of a legend.</summary>
internal readonly record struct LegendEntry(string Colour, string Name);
