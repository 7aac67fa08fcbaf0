using System.Text.Json;
using System.Text.Unicode;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// Opens what users point at; whatever goes wrong comes out as an <see cref="InvalidInputException"/> that names the file.
/// </summary>
internal static class InputFile
{
    private const int MaxJsonDepth = 32;

    /// <summary>The file, open for reading.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What it should be, for the message.</param>
    public static FileStream OpenRead(string path, string expected)
    {
        if (Directory.Exists(path))
            throw new InvalidInputException(path, "a folder", expected);
        try
        {
            // No buffer: maps and whole reads have no use for one.
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidInputException(path, "no such file", expected, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InvalidInputException(path, $"a file that can't be opened ({e.Message})", expected, e);
        }
    }

    /// <summary>A JSON document whose root is an object: size and depth are limited, duplicate keys refused.</summary>
    public static JsonDocument ReadJsonObject(string path, int maxBytes, string expected)
    {
        using var stream = OpenRead(path, expected);
        if (stream.Length > maxBytes)
            throw new InvalidInputException(path, $"{stream.Length} bytes", $"{expected} of at most {maxBytes} bytes");
        var json = new byte[stream.Length];
        stream.ReadExactly(json);
        if (!Utf8.IsValid(json))
            throw new InvalidInputException(path, "bytes that are not UTF-8", expected);
        try
        {
            ReadOnlyMemory<byte> text = json.AsSpan().StartsWith("\uFEFF"u8) ? json.AsMemory(3) : json;
            CheckEscapes(text.Span);
            var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxJsonDepth, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
            throw new InvalidInputException(path, "JSON whose root is no object", expected);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            var position = e is JsonException { LineNumber: { } line } j ? $", line {line + 1}, byte {j.BytePositionInLine + 1}" : "";
            throw new InvalidInputException(path + position, e.Message, expected, e);
        }
    }

    /// <summary>Decodes every escaped string once, so that a lone surrogate is found here and not by whoever reads the value.</summary>
    private static void CheckEscapes(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxJsonDepth });
        while (reader.Read())
            if (reader.ValueIsEscaped)
                reader.GetString();
    }
}
