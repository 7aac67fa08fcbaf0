using System.Globalization;
using System.Text;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Dates as <c>strftime</c> writes them in the C locale.</summary>
internal static class DateFormat
{
    private static readonly Dictionary<char, string> Directives = new()
    {
        ['a'] = "ddd",
        ['A'] = "dddd",
        ['b'] = "MMM",
        ['B'] = "MMMM",
        ['h'] = "MMM",
        ['d'] = "dd",
        ['m'] = "MM",
        ['y'] = "yy",
        ['Y'] = "yyyy",
        ['H'] = "HH",
        ['I'] = "hh",
        ['M'] = "mm",
        ['S'] = "ss",
        ['p'] = "tt",
        ['f'] = "ffffff",
        ['F'] = "yyyy-MM-dd",
        ['T'] = "HH:mm:ss",
        ['R'] = "HH:mm",
        ['D'] = "MM/dd/yy",
        ['x'] = "MM/dd/yy",
        ['X'] = "HH:mm:ss",
    };

    public static string Write(DateTimeOffset date, string format, WorkLimit work)
    {
        work.Charge(format.Length * 8L);
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            var isBare = format[++i] == '-' && i + 1 < format.Length;
            var value = Directive(date, isBare ? format[++i] : format[i]);
            text.Append(isBare && value.TrimStart('0') is var trimmed ? trimmed.Length > 0 ? trimmed : "0" : value);
        }
        return text.ToString();
    }

    private static string Directive(DateTimeOffset date, char directive) => directive switch
    {
        '%' => "%",
        'n' => "\n",
        't' => "\t",
        'j' => date.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'e' => date.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'u' => (date.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)date.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'w' => ((int)date.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        's' => date.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        _ => Directives.TryGetValue(directive, out var format)
            ? date.ToString(format, CultureInfo.InvariantCulture)
            : throw new TemplateFault($"%{directive} in a date", $"one of %{string.Join(" %", Directives.Keys)}"),
    };
}
