using System.Text.Json;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// Typed, range-checked access to a model's <c>config.json</c> and the objects nested in it. A key whose value is <c>null</c> counts as
/// absent. Every getter takes one key or several names of the same setting (of which a file may hold more than one only with equal
/// values), and throws an <see cref="InvalidInputException"/> naming file, key, found and expected where a required key is absent or a
/// value has the wrong type or leaves the range.
/// </summary>
public sealed partial class ConfigReader
{
    private const int MaxBytes = 16 << 20;

    private readonly JsonElement _object;
    private bool _isDerived;
    private readonly string _file;
    private readonly string _prefix;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, ConfigReader> _nested = new(StringComparer.Ordinal);

    private ConfigReader(JsonElement element, string file, string prefix)
    {
        _object = element;
        _file = file;
        _prefix = prefix;
    }

    /// <summary>Reads a file of at most 16 MiB whose root is a JSON object.</summary>
    /// <exception cref="InvalidInputException">The file is missing, malformed, too large, too deep or holds a key twice.</exception>
    public static ConfigReader Open(string path)
    {
        using var document = InputFile.ReadJsonObject(path, MaxBytes, "a JSON object of settings");
        return new ConfigReader(document.RootElement.Clone(), path, "");
    }

    /// <summary>Settings that stand in another file than <c>config.json</c>.</summary>
    /// <param name="settings">A JSON object.</param>
    /// <param name="file">The file that they come from.</param>
    internal static ConfigReader Of(JsonElement settings, string file) => new(settings.Clone(), file, "") { _isDerived = true };

    /// <summary>The file that the settings come from.</summary>
    public string File => _file;

    /// <summary>Whether the key is there with a value other than <c>null</c>.</summary>
    public bool Has(string key) => Find([key], out _, out _);

    /// <summary>Whether the key is there with the value <c>null</c>, which counts as absent: for keys whose absence and whose <c>null</c> mean different things.</summary>
    public bool IsNull(string key) => _object.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>Whether the key is there with a number.</summary>
    public bool IsNumber(string key) => Find([key], out _, out var value) && value.ValueKind == JsonValueKind.Number;

    /// <summary>
    /// An integer in [<paramref name="min"/>, <paramref name="max"/>]; 4.0 counts as 4. Without a fallback the key is required.
    /// </summary>
    public int Int(string key, int min, int max, int? fallback = null) => Int([key], min, max, fallback);

    /// <inheritdoc cref="Int(string, int, int, int?)"/>
    public int Int(ReadOnlySpan<string> keys, int min, int max, int? fallback = null) =>
        Find(keys, out var key, out var value) ? ReadInt(key, value, min, max) : fallback ?? throw Missing(keys, IntRange(min, max));

    /// <summary>A number in [<paramref name="min"/>, <paramref name="max"/>]. Without a fallback the key is required.</summary>
    public double Double(string key, double min, double max, double? fallback = null) => Double([key], min, max, fallback);

    /// <inheritdoc cref="Double(string, double, double, double?)"/>
    public double Double(ReadOnlySpan<string> keys, double min, double max, double? fallback = null) =>
        Find(keys, out var key, out var value) ? ReadDouble(key, value, min, max) : fallback ?? throw Missing(keys, DoubleRange(min, max));

    /// <summary>True or false. Without a fallback the key is required.</summary>
    public bool Bool(string key, bool? fallback = null) => Bool([key], fallback);

    /// <inheritdoc cref="Bool(string, bool?)"/>
    public bool Bool(ReadOnlySpan<string> keys, bool? fallback = null)
    {
        const string expected = "true or false";
        if (!Find(keys, out var key, out var value))
            return fallback ?? throw Missing(keys, expected);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, expected);
    }

    /// <summary>A string. Without a fallback the key is required.</summary>
    public string String(string key, string? fallback = null) => String([key], fallback);

    /// <inheritdoc cref="String(string, string?)"/>
    public string String(ReadOnlySpan<string> keys, string? fallback = null) =>
        Find(keys, out var key, out var value) ? ReadString(key, value) : fallback ?? throw Missing(keys, "a string");

    /// <summary>
    /// Integers in [<paramref name="min"/>, <paramref name="max"/>]; a lone number is a list of one. Without a fallback the key is
    /// required.
    /// </summary>
    public int[] IntList(string key, int min, int max, int[]? fallback = null) =>
        Find([key], out _, out var value)
            ? ReadList(key, value, (where, item) => ReadInt(where, item, min, max))
            : fallback ?? throw Missing([key], $"a list of {IntRange(min, max)}");

    /// <summary>Lists of integers in [<paramref name="min"/>, <paramref name="max"/>]. The key is required.</summary>
    public int[][] IntLists(string key, int min, int max) =>
        Find([key], out _, out var value)
            ? ReadList(key, value, (where, list) => ReadList(where, list, (place, item) => ReadInt(place, item, min, max)))
            : throw Missing([key], $"lists of {IntRange(min, max)}");

    /// <summary>
    /// Numbers in [<paramref name="min"/>, <paramref name="max"/>]; a lone number is a list of one. Without a fallback the key is required.
    /// </summary>
    public double[] DoubleList(string key, double min, double max, double[]? fallback = null) =>
        Find([key], out _, out var value)
            ? ReadList(key, value, (where, item) => ReadDouble(where, item, min, max))
            : fallback ?? throw Missing([key], $"a list of {DoubleRange(min, max)}");

    /// <summary>Strings; a lone string is a list of one. Without a fallback the key is required.</summary>
    public string[] StringList(string key, string[]? fallback = null) =>
        Find([key], out _, out var value) ? ReadList(key, value, ReadString) : fallback ?? throw Missing([key], "a list of strings");

    /// <summary>The object under the key, or null where it is absent.</summary>
    public ConfigReader? OptionalObject(string key) => OptionalObject([key]);

    /// <inheritdoc cref="OptionalObject(string)"/>
    public ConfigReader? OptionalObject(ReadOnlySpan<string> keys)
    {
        if (!Find(keys, out var key, out var value))
            return null;
        if (value.ValueKind != JsonValueKind.Object)
            throw Wrong(key, value, "an object");
        if (!_nested.TryGetValue(key, out var nested))
            _nested[key] = nested = new ConfigReader(value, _file, $"{_prefix}{key}.");
        return nested;
    }

    /// <summary>The objects in this one, with their keys, in their order; other values are left out.</summary>
    public IReadOnlyList<(string Name, ConfigReader Settings)> Objects() =>
        [.. _object.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.Object).Select(property => (property.Name, OptionalObject(property.Name)!))];

    /// <summary>Marks a key as known that changes nothing here.</summary>
    public void Ignore(string key) => Has(key);

    /// <summary>An error about the value that stands under the key, for checks that go beyond type and range.</summary>
    /// <param name="key">A key of this object; it may be absent.</param>
    /// <param name="expected">What should stand there.</param>
    public InvalidInputException Refuse(string key, string expected) =>
        Find([key], out _, out var value) ? Wrong(key, value, expected) : Missing([key], expected);
}
