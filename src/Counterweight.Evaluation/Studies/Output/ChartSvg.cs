using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Counterweight.Evaluation.Reports.Html;
using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>A picture of the report as an SVG file of its own, with title, legend and the light colours inside.</summary>
internal static partial class ChartSvg
{
    private const string Namespace = "http://www.w3.org/2000/svg";
    private const double TitleHeight = 26;
    private const double LegendLine = 18;
    private const double WidthOfLetter = 7.2;
    private const double WidthOfKey = 28;

    private static readonly Lazy<string> Styles = new(ResolveStyles);

    public static string Render(IChart chart)
    {
        using var markup = new StringWriter { NewLine = "\n" };
        chart.Write(new HtmlWriter(markup));
        var drawing = XElement.Parse($"<r>{markup}</r>").Descendants("svg").Single();
        var box = drawing.Attribute("viewBox")!.Value.Split(' ').Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        var (width, height) = (Math.Max(box[2], chart.Title.Length * 7.6 + 16), box[3]);
        var (legend, lines) = Legend(chart.Legend, width);
        var head = TitleHeight + lines * LegendLine;
        XNamespace svg = Namespace;
        return new XElement(svg + "svg",
            new XAttribute("viewBox", $"0 0 {Text(width)} {Text(head + height)}"),
            new XAttribute("width", Text(width)),
            new XAttribute("height", Text(head + height)),
            new XElement(svg + "style", Styles.Value),
            new XElement(svg + "desc", $"{chart.Title}. {chart.Description}"),
            new XElement(svg + "rect", new XAttribute("class", "paper"), new XAttribute("width", Text(width)), new XAttribute("height", Text(head + height))),
            new XElement(svg + "text", new XAttribute("class", "title"), new XAttribute("x", "8"), new XAttribute("y", "18"), chart.Title),
            legend,
            new XElement(svg + "g", new XAttribute("transform", $"translate(0 {Text(head)})"), drawing.Elements().Where(part => part.Name != "desc").Select(InNamespace)))
            .ToString(SaveOptions.DisableFormatting);
    }

    private static (List<XElement> Marks, int Lines) Legend(IReadOnlyList<LegendEntry> entries, double width)
    {
        XNamespace svg = Namespace;
        var marks = new List<XElement>();
        var (x, line) = (8.0, 0);
        foreach (var entry in entries)
        {
            var taken = WidthOfKey + entry.Name.Length * WidthOfLetter;
            if (x > 8 && x + taken > width)
                (x, line) = (8, line + 1);
            var y = TitleHeight + line * LegendLine;
            marks.Add(new XElement(svg + "rect", new XAttribute("class", $"mark {entry.Colour}"), new XAttribute("x", Text(x)), new XAttribute("y", Text(y)),
                new XAttribute("width", "10"), new XAttribute("height", "10")));
            marks.Add(new XElement(svg + "text", new XAttribute("x", Text(x + 14)), new XAttribute("y", Text(y + 10)), entry.Name));
            x += taken;
        }
        return (marks, entries.Count == 0 ? 0 : line + 1);
    }

    private static XElement InNamespace(XElement element) => new(
        XName.Get(element.Name.LocalName, Namespace), element.Attributes(), element.Nodes().Select(node => node is XElement child ? InNamespace(child) : node));

    // Renderers of SVG files know neither light-dark() nor variables.
    private static string ResolveStyles()
    {
        var colours = LightColour().Matches(HtmlWriter.Asset("palette.css")).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        var chart = Variable().Replace(HtmlWriter.Asset("chart.css"), match => colours[match.Groups[1].Value]);
        return $"svg{{font-family:sans-serif}} .paper{{fill:#ffffff}} {chart} text.title{{font-size:14px;font-weight:600;fill:{colours["text"]}}}";
    }

    private static string Text(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"--([\w-]+): light-dark\((#\w+)")]
    private static partial Regex LightColour();

    [GeneratedRegex(@"var\(--([\w-]+)\)")]
    private static partial Regex Variable();
}
