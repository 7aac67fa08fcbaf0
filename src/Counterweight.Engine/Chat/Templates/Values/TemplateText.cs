using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Values as text, as Python's <c>str</c> and <c>repr</c> write them.</summary>
internal static class TemplateText
{
    /// <summary>As a template prints it; what there is to it is counted first.</summary>
    public static string Of(object? value, WorkLimit work)
    {
        work.Charge(Weights.Of(value));
        return Of(value);
    }

    /// <summary>The same for what is known to be small.</summary>
    public static string Of(object? value)
    {
        if (value is string text)
            return text;
        if (value is Undefined)
            return "";
        var written = new StringBuilder();
        Write(value, written);
        return written.ToString();
    }

    /// <summary>What kind of thing a value is, for messages.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        Undefined undefined => undefined.Missing,
        bool => "a boolean",
        long => "an integer",
        double => "a float",
        string => "a string",
        TemplateList { IsTuple: true } => "a tuple",
        TemplateList => "a list",
        TemplateMap => "a mapping",
        TemplateFunction function => $"the function {function.Name}",
        _ => "an object",
    };

    /// <summary>A float as Python's <c>repr</c> writes it.</summary>
    public static string OfFloat(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var magnitude = Math.Abs(value);
        if (magnitude is 0 or (>= 1e-4 and < 1e16))
            return magnitude == Math.Floor(magnitude) ? value.ToString("F0", CultureInfo.InvariantCulture) + ".0" : value.ToString("R", CultureInfo.InvariantCulture);
        var digits = 0;
        while (digits < 16 && double.Parse(Scientific(value, digits), CultureInfo.InvariantCulture) != value)
            digits++;
        var text = Scientific(value, digits);
        var exponent = int.Parse(text.AsSpan(text.IndexOf('E', StringComparison.Ordinal) + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return $"{text[..text.IndexOf('E', StringComparison.Ordinal)]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string Scientific(double value, int digits) => value.ToString($"E{digits}", CultureInfo.InvariantCulture);

    private static void Write(object? value, StringBuilder text)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case null: text.Append("None"); break;
            case Undefined: text.Append("Undefined"); break;
            case bool flag: text.Append(flag ? "True" : "False"); break;
            case long number: text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(OfFloat(number)); break;
            case string inner: WriteQuoted(inner, text); break;
            case TemplateList list: WriteList(list, text); break;
            case TemplateMap map: WriteMap(map, text); break;
            default: text.Append('<').Append(Kind(value)).Append('>'); break;
        }
    }

    private static void WriteList(TemplateList list, StringBuilder text)
    {
        text.Append(list.IsTuple ? '(' : '[');
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0)
                text.Append(", ");
            Write(list.Items[i], text);
        }
        text.Append(list switch { { IsTuple: true, Count: 1 } => ",)", { IsTuple: true } => ")", _ => "]" });
    }

    private static void WriteMap(TemplateMap map, StringBuilder text)
    {
        text.Append('{');
        var isFirst = true;
        foreach (var (key, value) in map.Entries)
        {
            text.Append(isFirst ? "" : ", ");
            Write(key, text);
            text.Append(": ");
            Write(value, text);
            isFirst = false;
        }
        text.Append('}');
    }

    private static void WriteQuoted(string value, StringBuilder text)
    {
        var quote = value.Contains('\'') && !value.Contains('"') ? '"' : '\'';
        text.Append(quote);
        foreach (var rune in value.EnumerateRunes())
            if (rune.Value == quote || rune.Value == '\\')
                text.Append('\\').Append((char)rune.Value);
            else if (rune.Value is '\n' or '\r' or '\t')
                text.Append('\\').Append(rune.Value == '\n' ? 'n' : rune.Value == '\r' ? 'r' : 't');
            else if (IsPrintable(rune))
                text.Append(rune.ToString());
            else
                text.Append(rune.Value < 0x100 ? $"\\x{rune.Value:x2}" : rune.Value < 0x10000 ? $"\\u{rune.Value:x4}" : $"\\U{rune.Value:x8}");
        text.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
