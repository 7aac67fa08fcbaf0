namespace Counterweight.Evaluation.Reports.Html.Charts;

/// <summary>A picture that draws itself as SVG.</summary>
internal interface IChart
{
    string Title { get; }

    /// <summary>What it shows, in words.</summary>
    string Description { get; }

    /// <summary>Colours and names of its series; none where there is one only.</summary>
    IReadOnlyList<LegendEntry> Legend { get; }

    void Write(HtmlWriter html);
}
