using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Counterweight.Evaluation.Reports.Html.Charts;
using Counterweight.Evaluation.Studies;
using Counterweight.Evaluation.Studies.Output;

namespace Counterweight.Evaluation.Tests.Studies;

public sealed class StudyOutputTests
{
    private static readonly LineChart Lines = new("Title <&>", "Description", "LIS", "size")
    {
        Categories = ["1", "2", "4"],
        Series = [new LineSeries("measured & \"so\"", "s0", [3, double.NaN, 1]) { Band = ([2.5, double.NaN, 0.5], [3.5, double.NaN, 1.5]) }],
        Print = value => $"{value}",
    };

    private static readonly MatrixChart Matrix = new("Matrix", "Description", "rows", "columns")
    {
        Rows = ["a", "b"],
        Columns = ["c", "d", "e"],
        Values = [[1, 2, 3], [4, double.NaN, 6]],
        Print = value => $"{value}",
    };

    private static StudyTable Table()
    {
        var table = new StudyTable("t", "T", "D", "name", "value", "count", "yes");
        table.Add("plain", 0.1 + 0.2, 3L, true);
        table.Add("with, \"quotes\"\nand lines", double.NaN, null, false);
        return table;
    }

    [Fact]
    public void Csv_keeps_every_digit_and_quotes_what_needs_it()
    {
        using var stream = new MemoryStream();
        StudyCsv.Write(stream, Table());
        Assert.Equal("name,value,count,yes\nplain,0.30000000000000004,3,true\n\"with, \"\"quotes\"\"\nand lines\",NaN,,false\n", Encoding.UTF8.GetString(stream.ToArray()));
    }

    [Fact]
    public void Json_has_a_line_for_each_row_and_null_for_what_is_no_number()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            StudyJson.WriteTables(json, "tables", [Table()]);
            json.WriteEndObject();
        }
        var rows = JsonDocument.Parse(stream.ToArray()).RootElement.GetProperty("tables").GetProperty("t").GetProperty("rows");
        Assert.Equal(0.1 + 0.2, rows[0].GetProperty("value").GetDouble());
        Assert.Equal(JsonValueKind.Null, rows[1].GetProperty("value").ValueKind);
        Assert.Equal(JsonValueKind.Null, rows[1].GetProperty("count").ValueKind);
        Assert.Equal(2, Encoding.UTF8.GetString(stream.ToArray()).Split('\n').Count(line => line.TrimStart().StartsWith("{\"name\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_row_of_another_width_or_kind_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Table().Add("too", 1.0, 2L));
        Assert.Throws<ArgumentException>(() => Table().Add("odd", new object(), 2L, true));
    }

    [Fact]
    public void Pictures_are_svg_files_of_their_own_with_resolved_colours()
    {
        foreach (var chart in new IChart[] { Lines, Matrix })
        {
            var svg = XElement.Parse(ChartSvg.Render(chart));
            Assert.Equal("{http://www.w3.org/2000/svg}svg", svg.Name.ToString());
            Assert.Contains(chart.Title, svg.Elements().Where(part => part.Name.LocalName == "text").Select(part => part.Value));
            var style = svg.Elements().Single(part => part.Name.LocalName == "style").Value;
            Assert.DoesNotContain("var(", style);
            Assert.DoesNotContain("light-dark", style);
        }
    }

    [Fact]
    public void A_gap_has_no_mark()
    {
        var svg = XElement.Parse(ChartSvg.Render(Lines));
        Assert.Equal(2, svg.Descendants().Count(part => part.Name.LocalName == "circle"));
        Assert.Equal(5, XElement.Parse(ChartSvg.Render(Matrix)).Descendants().Count(part => part.Name.LocalName == "rect" && part.Attribute("class")!.Value.StartsWith("mark", StringComparison.Ordinal)));
    }

    [Fact]
    public void Png_pictures_have_letters()
    {
        Assert.SkipUnless(ChartPng.CanWrite, "no font on this machine");
        byte[] Png(string svg)
        {
            using var stream = new MemoryStream();
            ChartPng.Write(stream, svg);
            return stream.ToArray();
        }
        var svg = ChartSvg.Render(Lines);
        var png = Png(svg);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        Assert.NotEqual(png, Png(svg.Replace("size", "    ", StringComparison.Ordinal)));
    }
}
