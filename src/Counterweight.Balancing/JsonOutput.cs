using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Counterweight.Balancing;

/// <summary>Writes JSON that is the same bytes on every machine: two-space indents, line feeds, one line for each innermost row.</summary>
internal static class JsonOutput
{
    private static readonly JsonWriterOptions Rows = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonWriterOptions Document = Rows with { Indented = true, IndentSize = 2, NewLine = "\n" };

    /// <summary>Writes a document that ends with a line feed, unless <paramref name="check"/> refuses what would be written.</summary>
    public static void Write(Stream stream, string name, Action<Utf8JsonWriter> write, Action<JsonInput> check)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Document))
            write(writer);
        check(JsonInput.Parse(buffer.WrittenSpan, name));
        stream.Write(buffer.WrittenSpan);
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Writes an item of an array on a line of its own.</summary>
    public static void WriteRow(this Utf8JsonWriter writer, Action<Utf8JsonWriter> write)
    {
        var indent = Document.NewLine + new string(' ', Document.IndentSize * writer.CurrentDepth);
        WriteCompact(writer, indent, write);
    }

    /// <summary>Writes the value of a property on the property's line.</summary>
    public static void WriteInline(this Utf8JsonWriter writer, string property, Action<Utf8JsonWriter> write)
    {
        writer.WritePropertyName(property);
        WriteCompact(writer, "", write);
    }

    private static void WriteCompact(Utf8JsonWriter writer, string indent, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Encoding.UTF8.GetBytes(indent));
        using (var row = new Utf8JsonWriter(buffer, Rows))
            write(row);
        writer.WriteRawValue(buffer.WrittenSpan, skipInputValidation: true);
    }
}
