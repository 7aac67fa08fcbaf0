using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>JSON in and out: writing as Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>, which transformers' <c>tojson</c> is.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _text = new();
    private readonly JsonStyle _style;
    private readonly WorkLimit _work;
    private int _depth;

    private JsonText(JsonStyle style, WorkLimit work) => (_style, _work) = (style, work);

    /// <summary>Writes a value.</summary>
    /// <param name="value">Anything but functions and what isn't there.</param>
    /// <param name="style">How it is laid out.</param>
    /// <param name="work">Where indentation is counted.</param>
    public static string Write(object? value, JsonStyle style, WorkLimit work)
    {
        var writer = new JsonText(style, work);
        writer.WriteValue(value);
        return writer._text.ToString();
    }

    /// <summary>The value of a JSON element: numbers with a point or an exponent are floats.</summary>
    public static object? Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String: return element.GetString();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Number:
                var isWhole = element.GetRawText().AsSpan().IndexOfAny(".eE") < 0;
                return isWhole && element.TryGetInt64(out var whole) ? (object)whole : element.GetDouble();
            case JsonValueKind.Array: return new TemplateList([.. element.EnumerateArray().Select(Read)]);
            case JsonValueKind.Object:
                var map = new TemplateMap();
                foreach (var property in element.EnumerateObject())
                    map[property.Name] = Read(property.Value);
                return map;
            default: return null;
        }
    }

    private void WriteValue(object? value)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case null: _text.Append("null"); break;
            case bool flag: _text.Append(flag ? "true" : "false"); break;
            case long number: _text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: _text.Append(OfFloat(number)); break;
            case string text: WriteString(text); break;
            case TemplateList list: WriteItems('[', ']', list.Items, WriteValue); break;
            case TemplateMap map: WriteItems('{', '}', [.. Ordered(map)], WriteEntry); break;
            default: throw new TemplateFault(TemplateText.Kind(value), "something that JSON can say");
        }
    }

    private IEnumerable<KeyValuePair<object, object?>> Ordered(TemplateMap map) =>
        _style.SortsKeys ? map.Entries.Order(Comparer<KeyValuePair<object, object?>>.Create((a, b) => Truth.Compare(a.Key, b.Key))) : map.Entries;

    private void WriteEntry(KeyValuePair<object, object?> entry)
    {
        WriteString(entry.Key switch { string text => text, bool flag => flag ? "true" : "false", double number => OfFloat(number), var other => TemplateText.Of(other) });
        _text.Append(_style.KeySeparator);
        WriteValue(entry.Value);
    }

    private void WriteItems<T>(char open, char close, IReadOnlyList<T> items, Action<T> write)
    {
        _text.Append(open);
        _depth++;
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                _text.Append(_style.ItemSeparator);
            StartLine();
            write(items[i]);
        }
        _depth--;
        if (items.Count > 0)
            StartLine();
        _text.Append(close);
    }

    private void StartLine()
    {
        if (_style.Indent is not { } indent)
            return;
        _work.Charge((long)_depth * indent.Length);
        _text.Append('\n');
        for (var level = 0; level < _depth; level++)
            _text.Append(indent);
    }

    private void WriteString(string value)
    {
        _text.Append('"');
        foreach (var c in value)
            if (c is '"' or '\\')
                _text.Append('\\').Append(c);
            else if ("\n\r\t\f\b".IndexOf(c, StringComparison.Ordinal) is >= 0 and var index)
                _text.Append('\\').Append("nrtfb"[index]);
            else if (c < ' ' || (_style.IsAscii && c > '~'))
                _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                _text.Append(c);
        _text.Append('"');
    }

    private static string OfFloat(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? value > 0 ? "Infinity" : "-Infinity" : TemplateText.OfFloat(value);
}

/// <summary>How JSON is laid out.</summary>
/// <param name="Indent">Put in front of each level on lines of their own; null for one line.</param>
/// <param name="ItemSeparator">Between items.</param>
/// <param name="KeySeparator">Between key and value.</param>
/// <param name="SortsKeys">Whether keys are put in order.</param>
/// <param name="IsAscii">Whether other characters are escaped.</param>
internal sealed record JsonStyle(string? Indent, string ItemSeparator, string KeySeparator, bool SortsKeys, bool IsAscii);
