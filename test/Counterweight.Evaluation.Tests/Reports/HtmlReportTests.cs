using System.Text;
using System.Xml;
using System.Xml.Linq;
using Counterweight.Balancing.Plans;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Reports.Html;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Reports;

public sealed class HtmlReportTests
{
    private const string Hostile = "</script><script>alert(1)</script>\"'&\u0001\ud800";

    [Fact]
    public void All_sections_are_there()
    {
        var ids = Parse(SampleReport.Create()).Descendants("section").Select(section => section.Attribute("id")!.Value);
        Assert.Equal(["headline", "layers", "loads", "devices", "bytes", "quality", "importance", "estimates", "provenance"], ids);
    }

    [Fact]
    public void Every_line_of_the_comparison_is_in_the_table()
    {
        var report = SampleReport.Create();
        var rows = Parse(report).Descendants("table").First().Descendants("tbody").Single().Elements("tr")
            .Select(row => row.Elements().Take(4).Select(cell => cell.Value).ToArray());
        Assert.Equal(ComparisonRows.From(report).Select(row => new[] { row.Label, row.Before, row.After, row.Change }), rows);
    }

    [Theory]
    [InlineData(1, "with as many expert bytes")]
    [InlineData(0.99999, "with as many expert bytes")]
    [InlineData(0.75, "with 25.00 % fewer expert bytes")]
    [InlineData(1.031, "with 3.10 % more expert bytes")]
    public void The_first_sentence_says_what_the_balance_costs(double ratio, string expected)
    {
        var report = SampleReport.Create();
        var page = Parse(report with { Change = report.Change with { ExpertBytesRatio = ratio } });
        Assert.Contains(expected, page.Descendants("p").First(p => p.Attribute("class")?.Value == "lead").Value);
    }

    [Fact]
    public void Every_picture_has_a_description_and_a_table()
    {
        var figures = Parse(SampleReport.Create()).Descendants("figure").ToArray();
        Assert.Equal(3 + 3 + 2 + 2 + 2 + 4, figures.Length);
        Assert.All(figures, figure =>
        {
            Assert.NotEmpty(figure.Descendants("svg").Single().Element("desc")!.Value);
            Assert.NotEmpty(figure.Descendants("details").Single().Descendants("td"));
        });
    }

    [Fact]
    public void The_heatmap_after_has_one_mark_for_each_slot_with_its_load()
    {
        var report = SampleReport.Create();
        var after = Parse(report).Descendants("figure").Single(figure => figure.Descendants("h3").Single().Value.StartsWith("After", StringComparison.Ordinal));
        var tips = after.Descendants("rect").Select(mark => mark.Element("title")!.Value).ToArray();
        Assert.Equal(report.Detail.Slots.Sum(row => row.Length), tips.Length);
        var slot = report.Detail.Slots[0][0];
        Assert.Contains(tips, tip => tip.StartsWith($"layer 0, expert 0, {slot.Precision.Name()} on device 0: {FigureText.Count(slot.Load)} tokens", StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_loaded_from_outside()
    {
        var text = Render(SampleReport.Create());
        Assert.DoesNotContain("http", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", text);
        Assert.DoesNotContain("url(", text);
        var parsed = Parse(SampleReport.Create());
        Assert.DoesNotContain(parsed.Descendants().Attributes(), attribute => attribute.Name.LocalName is "src" or "href");
    }

    [Fact]
    public void Hostile_names_stay_text()
    {
        var report = SampleReport.Create();
        var accuracy = report.Before.Accuracy.Values.First();
        var difference = report.Change.AccuracyDifference.Values.First();
        var hostile = report with
        {
            Model = Hostile,
            Cpu = Hostile,
            Policy = Hostile,
            Before = report.Before with { Accuracy = new Dictionary<string, TaskAccuracy> { [Hostile] = accuracy } },
            After = report.After with { Accuracy = new Dictionary<string, TaskAccuracy> { [Hostile] = accuracy } },
            Change = report.Change with { AccuracyDifference = new Dictionary<string, PairedDifference> { [Hostile] = difference } },
            Detail = report.Detail with { Importance = new Dictionary<string, double[][]> { [Hostile] = report.Detail.Importance.Values.First() } },
            Provenance = report.Provenance with { Command = Hostile, Options = new Dictionary<string, string> { [Hostile] = Hostile } },
        };
        var parsed = Parse(hostile);
        Assert.Single(parsed.Descendants("script"));
        Assert.StartsWith("</script><script>alert(1)</script>\"'&", parsed.Descendants("h1").Single().Value);
    }

    [Fact]
    public void Figures_without_a_value_leave_the_page_whole()
    {
        var report = SampleReport.Create();
        var nan = LayerScores.Over([.. Enumerable.Repeat(double.NaN, SampleReport.Layers)]);
        var empty = report with
        {
            After = report.After with { Lis = nan, Perplexity = double.PositiveInfinity },
            Change = report.Change with { PerplexityDifference = PairedDifference.Normal(double.PositiveInfinity, double.NaN) },
            Detail = report.Detail with { Importance = new Dictionary<string, double[][]> { ["zero"] = Array.ConvertAll(report.Detail.CalibrationLoads, row => new double[row.Length]) } },
        };
        var svg = string.Concat(Parse(empty).Descendants("svg"));
        Assert.DoesNotContain("NaN", svg);
        Assert.DoesNotContain("∞", svg);
    }

    [Fact]
    public void The_same_report_gives_the_same_page() => Assert.Equal(Render(SampleReport.Create()), Render(SampleReport.Create()));

    private static XElement Parse(BalanceReport report)
    {
        using var reader = XmlReader.Create(new StringReader(Render(report)), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XElement.Load(reader);
    }

    private static string Render(BalanceReport report)
    {
        using var stream = new MemoryStream();
        HtmlReport.Write(report, stream);
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(stream.ToArray());
    }
}
