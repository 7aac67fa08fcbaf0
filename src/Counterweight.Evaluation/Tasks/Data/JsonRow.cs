using System.Globalization;
using System.Text.Json;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Tasks.Data;

/// <summary>A JSON object of a data file; whatever it lacks is reported with its file and line.</summary>
internal readonly struct JsonRow
{
    private readonly JsonElement _object;

    public JsonRow(string where, JsonElement element)
    {
        Where = where;
        _object = element;
        if (element.ValueKind != JsonValueKind.Object)
            throw Invalid(Shorten(element), "a JSON object");
    }

    /// <summary>File and line.</summary>
    public string Where { get; }

    /// <summary>The rows of a JSON-lines file; blank lines are skipped.</summary>
    public static IEnumerable<JsonRow> ReadLines(string path)
    {
        foreach (var (number, text) in DataFile.Lines(path))
            yield return Parse($"{path}:{number}", text);
    }

    public static JsonRow Parse(string where, string text)
    {
        try
        {
            return new JsonRow(where, JsonElement.Parse(text));
        }
        catch (JsonException bad)
        {
            throw new InvalidInputException(where, $"no valid JSON ({bad.Message})", "a JSON object", bad);
        }
    }

    /// <summary>The field as it is; dots lead into inner objects.</summary>
    public JsonElement Field(string path)
    {
        var at = _object;
        foreach (var name in path.Split('.'))
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
                throw Invalid($"no field \"{path}\"", $"a field \"{path}\"");
        return at;
    }

    public bool Has(string name) => _object.TryGetProperty(name, out _);

    /// <summary>A text that is not empty.</summary>
    public string Text(string path) => TextOf(Field(path), path);

    /// <summary>A text, empty or not.</summary>
    public string AnyText(string path) => Field(path) is { ValueKind: JsonValueKind.String } text && text.ValueEquals("") ? "" : Text(path);

    public double Number(string path) => NumberOf(Field(path), path);

    public double NumberOf(JsonElement element, string path) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var number)
            ? number
            : throw Invalid($"\"{path}\": {Shorten(element)}", "a number");

    /// <summary>A list of texts, none of them empty.</summary>
    public string[] Texts(string path)
    {
        var where = this;
        return [.. Items(path).Select(item => where.TextOf(item, path))];
    }

    /// <summary>A list of objects.</summary>
    public JsonRow[] Objects(string path)
    {
        var where = Where;
        return [.. Items(path).Select(item => new JsonRow(where, item))];
    }

    public bool Flag(string path) => Field(path) switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        var other => throw Invalid($"\"{path}\": {Shorten(other)}", "true or false"),
    };

    /// <summary>A whole number (also as text), one of <paramref name="count"/> from <paramref name="first"/> on, counted from 0.</summary>
    public int Index(string path, int count, int first = 0)
    {
        var field = Field(path);
        var number = field.ValueKind switch
        {
            JsonValueKind.Number => field.TryGetInt32(out var value) ? value : (int?)null,
            JsonValueKind.String => int.TryParse(TextOf(field, path), CultureInfo.InvariantCulture, out var value) ? value : null,
            _ => null,
        };
        return number >= first && number < first + count
            ? number.Value - first
            : throw Invalid($"\"{path}\": {Shorten(field)}", $"a whole number from {first} to {first + count - 1}");
    }

    public InvalidInputException Invalid(string found, string expected) => new(Where, found, expected);

    public static string Shorten(JsonElement element)
    {
        var text = element.GetRawText();
        return text.Length <= 60 ? text : text[..57] + "...";
    }

    private JsonElement.ArrayEnumerator Items(string path)
    {
        var field = Field(path);
        return field.ValueKind == JsonValueKind.Array
            ? field.EnumerateArray()
            : throw Invalid($"\"{path}\": {Shorten(field)}", "a list");
    }

    private string TextOf(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.String)
            throw Invalid($"\"{path}\": {Shorten(element)}", "text");
        try
        {
            return element.GetString() is { Length: > 0 } text ? text : throw Invalid($"\"{path}\": an empty text", "text");
        }
        catch (InvalidOperationException) // half of a surrogate pair
        {
            throw Invalid($"\"{path}\": {Shorten(element)}", "valid Unicode text");
        }
    }
}
