using System.Text.Json;
using Counterweight.Balancing;

namespace Counterweight.Engine.Tokenization.Files;

/// <summary>A value of a JSON file that knows where it stands, so that every complaint names the file and the path.</summary>
internal readonly record struct JsonCursor(string File, string Path, JsonElement Element)
{
    /// <summary>The property, which must be there and not be null.</summary>
    public JsonCursor this[string name] => Optional(name) ?? throw Child(name).Error("nothing", "a value");

    /// <summary>The property, or null where it is absent or JSON null.</summary>
    public JsonCursor? Optional(string name)
    {
        Require(JsonValueKind.Object, "an object");
        return Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? Child(name) with { Element = value }
            : null;
    }

    public IEnumerable<JsonCursor> Items()
    {
        Require(JsonValueKind.Array, "an array");
        var (file, path) = (File, Path);
        return Element.EnumerateArray().Select((item, index) => new JsonCursor(file, $"{path}[{index}]", item));
    }

    public string String()
    {
        Require(JsonValueKind.String, "a string");
        return Element.GetString()!;
    }

    public int Integer(int minimum, int maximum) =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var value) && value >= minimum && value <= maximum
            ? value
            : throw Error(Describe(), $"an integer from {minimum} to {maximum}");

    public bool Boolean(string name, bool fallback) => Optional(name) switch
    {
        null => fallback,
        { Element.ValueKind: JsonValueKind.True } => true,
        { Element.ValueKind: JsonValueKind.False } => false,
        { } other => throw other.Error(other.Describe(), "true or false"),
    };

    /// <summary>The one character that the string consists of.</summary>
    public char Character() =>
        String() is [var character] && !char.IsSurrogate(character) ? character : throw Error(Describe(), "a string of one character");

    public InvalidInputException Error(string found, string expected, Exception? inner = null) =>
        new($"{File} at {Path}", found, expected, inner);

    /// <summary>The value as a message shows it: cut short, since a file may hold anything.</summary>
    public string Describe()
    {
        var text = Element.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? $"an {Element.ValueKind.ToString().ToLowerInvariant()}"
            : Element.GetRawText();
        return text.Length <= 80 ? text : text[..80] + "…";
    }

    public void Require(JsonValueKind kind, string expected)
    {
        if (Element.ValueKind != kind)
            throw Error(Describe(), expected);
    }

    private JsonCursor Child(string name) => this with { Path = $"{Path}.{name}" };
}
