using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Counterweight.Balancing;

/// <summary>A value inside a JSON file that remembers where it stands, so that every complaint names file and path.</summary>
internal readonly record struct JsonInput(JsonElement Element, string File, string Path)
{
    private const int MaxQuoted = 60;

    /// <summary>Parses the whole stream as one JSON value; duplicate keys, comments and trailing commas are refused.</summary>
    public static JsonInput Parse(Stream stream, string file)
    {
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return Parse(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), file);
    }

    /// <inheritdoc cref="Parse(Stream, string)"/>
    public static JsonInput Parse(ReadOnlySpan<byte> utf8, string file)
    {
        const int MaxDepth = 32;
        if (!Utf8.IsValid(utf8))
            throw new InvalidInputException(file, "bytes that are not UTF-8", "JSON in UTF-8");
        try
        {
            CheckEscapes(new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth }));
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false };
            return new JsonInput(JsonElement.Parse(utf8, options), file, "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidInputException(file, $"broken JSON ({e.Message})", "one JSON value", e);
        }
    }

    // Escaped halves of surrogate pairs pass the parser and throw when a string is read.
    private static void CheckEscapes(Utf8JsonReader reader)
    {
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                reader.GetString();
    }

    /// <summary>Opens and parses a file; one that cannot be read is the user's mistake too.</summary>
    public static JsonInput Parse(string path)
    {
        try
        {
            using var stream = System.IO.File.OpenRead(path);
            return Parse(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, e.Message, "a readable file", e);
        }
    }

    /// <summary>This value as an object with exactly these keys.</summary>
    public JsonInput Object(params ReadOnlySpan<string> keys)
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw Wrong("an object");
        foreach (var property in Element.EnumerateObject())
            if (!keys.Contains(property.Name))
                throw Error($"unknown key \"{property.Name}\"", "only the keys " + string.Join(", ", keys.ToArray()));
        foreach (var key in keys)
            if (!Element.TryGetProperty(key, out _))
                throw Error($"no key \"{key}\"", "the keys " + string.Join(", ", keys.ToArray()));
        return this;
    }

    /// <summary>The value of a key that <see cref="Object"/> has checked.</summary>
    public JsonInput this[string key] => new(Element.GetProperty(key), File, Path.Length == 0 ? key : $"{Path}.{key}");

    /// <summary>The items of an array.</summary>
    public JsonInput[] Items()
    {
        if (Element.ValueKind != JsonValueKind.Array)
            throw Wrong("an array");
        var items = new JsonInput[Element.GetArrayLength()];
        var i = 0;
        foreach (var item in Element.EnumerateArray())
            items[i] = new JsonInput(item, File, $"{Path}[{i++}]");
        return items;
    }

    /// <summary>An integer in the given range.</summary>
    public long Integer(long min, long max) =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetInt64(out var value) && value >= min && value <= max
            ? value
            : throw Wrong($"an integer from {min} to {max}");

    /// <summary>A seed.</summary>
    public ulong Unsigned() =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetUInt64(out var value) ? value : throw Wrong("an unsigned 64-bit integer");

    /// <summary>A finite number in the given range.</summary>
    public double Number(double min, double max) =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetDouble(out var value) && value >= min && value <= max
            ? value
            : throw Wrong(string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"));

    /// <summary>A string.</summary>
    public string Text() => Element.ValueKind == JsonValueKind.String ? Element.GetString()! : throw Wrong("a string");

    /// <summary>A string that is not empty.</summary>
    public string Name() => Text() is { Length: > 0 } name ? name : throw Wrong("a string that is not empty");

    /// <summary>Whether the value is null.</summary>
    public bool IsNull => Element.ValueKind == JsonValueKind.Null;

    /// <summary>The complaint that this value is something else.</summary>
    public InvalidInputException Wrong(string expected)
    {
        var raw = Element.GetRawText();
        return Error(raw.Length <= MaxQuoted ? raw : raw[..MaxQuoted] + "…", expected);
    }

    /// <summary>A complaint about this place.</summary>
    public InvalidInputException Error(string found, string expected) =>
        new(Path.Length == 0 ? File : $"{File}: {Path}", found, expected);
}
