using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>
/// <c>results.json</c>: what was asked, what was found, every table with one line for each row. The same settings give the same bytes:
/// nothing that the clock says is in it. Numbers that are not finite are null.
/// </summary>
internal static class StudyJson
{
    public const string FileName = "results.json";
    private const string Format = "counterweight.study";
    private const int Version = 1;

    private static readonly JsonWriterOptions Document = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true, IndentSize = 2, NewLine = "\n" };

    public static void Write(Stream stream, IStudy study, JsonObject settings, StudyResult result)
    {
        using (var json = new Utf8JsonWriter(stream, Document))
        {
            json.WriteStartObject();
            json.WriteString("format", Format);
            json.WriteNumber("version", Version);
            json.WriteString("study", study.Name);
            json.WriteString("title", study.Title);
            json.WriteString("method", study.Method);
            json.WritePropertyName("settings");
            settings.WriteTo(json);
            json.WriteStartArray("findings");
            foreach (var finding in result.Findings)
                json.WriteStringValue(finding);
            json.WriteEndArray();
            WriteTables(json, "tables", result.Tables);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Whether a file holds the results of the same study under the same settings.</summary>
    public static bool Holds(string file, IStudy study, JsonObject settings)
    {
        if (!File.Exists(file))
            return false;
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file)) is JsonObject found
                && (string?)found["format"] == Format && (int?)found["version"] == Version
                && (string?)found["study"] == study.Name && JsonNode.DeepEquals(found["settings"], settings);
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidInputException(file, "no results of a study", "a folder that study wrote, or another --out", bad);
        }
    }

    /// <summary>Writes tables as properties: their descriptions and rows.</summary>
    public static void WriteTables(Utf8JsonWriter json, string property, IReadOnlyList<StudyTable> tables)
    {
        json.WriteStartObject(property);
        foreach (var table in tables)
        {
            json.WriteStartObject(table.Name);
            json.WriteString("title", table.Title);
            json.WriteString("description", table.Description);
            json.WriteStartArray("rows");
            foreach (var row in table.Rows)
                WriteRow(json, table.Columns, row);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    // A line for each row, so that files can be compared by lines.
    private static void WriteRow(Utf8JsonWriter json, IReadOnlyList<string> columns, IReadOnlyList<object?> cells)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Encoding.UTF8.GetBytes(Document.NewLine + new string(' ', Document.IndentSize * json.CurrentDepth)));
        using (var row = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = Document.Encoder }))
        {
            row.WriteStartObject();
            for (var i = 0; i < columns.Count; i++)
                WriteCell(row, columns[i], cells[i]);
            row.WriteEndObject();
        }
        json.WriteRawValue(buffer.WrittenSpan, skipInputValidation: true);
    }

    private static void WriteCell(Utf8JsonWriter json, string name, object? cell)
    {
        switch (cell)
        {
            case string text:
                json.WriteString(name, text);
                break;
            case int number:
                json.WriteNumber(name, number);
                break;
            case long number:
                json.WriteNumber(name, number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumber(name, number);
                break;
            case bool truth:
                json.WriteBoolean(name, truth);
                break;
            default:
                json.WriteNull(name);
                break;
        }
    }
}
