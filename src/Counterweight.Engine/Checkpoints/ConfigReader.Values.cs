using System.Globalization;
using System.Text.Json;
using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints;

public sealed partial class ConfigReader
{
    private bool Find(ReadOnlySpan<string> keys, out string key, out JsonElement value)
    {
        key = keys[0];
        value = default;
        var found = false;
        foreach (var candidate in keys)
        {
            _asked.Add(candidate);
            if (!_object.TryGetProperty(candidate, out var element) || element.ValueKind == JsonValueKind.Null)
                continue;
            if (found && !JsonElement.DeepEquals(value, element))
                throw Wrong(candidate, element, $"the value of {_prefix}{key}, {Shown(value)}, since both mean the same");
            if (!found)
                (key, value, found) = (candidate, element, true);
        }
        return found;
    }

    private int ReadInt(string key, JsonElement value, int min, int max)
    {
        // Python writes and reads 4.0 where 4 is meant.
        var integral = value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number == Math.Truncate(number);
        return integral && value.GetDouble() >= min && value.GetDouble() <= max
            ? (int)value.GetDouble()
            : throw Wrong(key, value, IntRange(min, max));
    }

    private double ReadDouble(string key, JsonElement value, double min, double max) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max
            ? number
            : throw Wrong(key, value, DoubleRange(min, max));

    private string ReadString(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a string");

    private static T[] ReadList<T>(string key, JsonElement value, Func<string, JsonElement, T> read) =>
        value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((item, i) => read($"{key}[{i}]", item))]
            : [read(key, value)];

    private InvalidInputException Missing(ReadOnlySpan<string> keys, string expected) =>
        new($"{_file}, key {_prefix}{string.Join(" or ", keys.ToArray())}", "nothing", expected);

    private InvalidInputException Wrong(string key, JsonElement value, string expected) =>
        new($"{_file}, key {_prefix}{key}", Shown(value), expected);

    private static string Shown(JsonElement value) => InputText.Quoted(value.GetRawText());

    private static string IntRange(int min, int max) => $"an integer from {min} to {max}";

    private static string DoubleRange(double min, double max) =>
        string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}");
}
