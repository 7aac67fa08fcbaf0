using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Filters over texts and numbers.</summary>
internal static partial class TextFilters
{
    public static string Center(string text, long width, WorkLimit work)
    {
        var room = Math.Max(0, width - CodePoints.Count(text));
        work.Charge(room);
        // Python puts the odd blank to the left where the width is odd.
        var left = room / 2 + (room & width & 1);
        return new string(' ', (int)left) + text + new string(' ', (int)(room - left));
    }

    public static string Escape(string text) =>
        WebUtility.HtmlEncode(text.Replace("\"", "\u0001", StringComparison.Ordinal)).Replace("\u0001", "&#34;", StringComparison.Ordinal);

    public static string Indent(string text, Arguments arguments)
    {
        arguments.Allow("width", "first", "blank");
        var margin = arguments.Get(0, "width", 4L) is string written ? written : new string(' ', (int)Math.Clamp(arguments.Integer(0, "width") ?? 4, 0, 1000));
        var (first, blank) = (arguments.Flag(1, "first"), arguments.Flag(2, "blank"));
        var lines = StringSplit.Lines(text + "\n", keepsEnds: false).Items;
        arguments.Work.Charge(text.Length + (long)lines.Count * margin.Length);
        return string.Join('\n', lines.Select((line, i) => (i == 0 ? first : blank || ((string)line!).Length > 0) ? margin + line : line));
    }

    public static object ToFloat(object? value, Arguments arguments)
    {
        var fallback = arguments.Allow("default").Get(0, "default", 0.0)!;
        if (Numbers.Is(value))
            return Numbers.ToDouble(value);
        return value is string text && double.TryParse(text.Trim().Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : fallback;
    }

    public static object ToInteger(object? value, Arguments arguments)
    {
        var fallback = arguments.Allow("default", "base").Get(0, "default", 0L)!;
        if (Numbers.IsInteger(value))
            return Numbers.ToInteger(value);
        if (value is string text)
        {
            if ((arguments.Integer(1, "base") ?? 10) == 10 && long.TryParse(text.Trim().Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
                return whole;
            value = ToFloat(text, arguments with { Positional = [double.NaN], Named = new Dictionary<string, object?>() });
        }
        return value is double number && Math.Abs(number) < 9e18 ? (long)Math.Truncate(number) : fallback;
    }

    public static object Round(object? value, Arguments arguments)
    {
        arguments.Allow("precision", "method");
        var scale = Math.Pow(10, Math.Clamp(arguments.Integer(0, "precision") ?? 0, -300, 300));
        var number = Numbers.ToDouble(value);
        return arguments.Text(1, "method", "common") switch
        {
            "common" => Numbers.IsInteger(value) ? value! : scale >= 1 && scale <= 1e15 ? Math.Round(number, (int)Math.Log10(scale), MidpointRounding.ToEven) : Math.Round(number * scale) / scale,
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            var other => throw new TemplateFault($"round by {other}", "common, ceil or floor"),
        };
    }

    /// <summary>Words start with a capital: behind blanks, hyphens and opening brackets.</summary>
    public static string Title(string text) => string.Concat(WordStarts().Split(text).Where(part => part.Length > 0).Select(CodePoints.Capitalized));

    public static string Truncate(string text, Arguments arguments)
    {
        arguments.Allow("length", "killwords", "end", "leeway");
        var (length, end, leeway) = (arguments.Integer(0, "length") ?? 255, arguments.Text(2, "end", "..."), arguments.Integer(3, "leeway") ?? 5);
        var count = CodePoints.Count(text);
        if (count <= length + leeway)
            return text;
        var cut = text[..CodePoints.OffsetOf(text, (int)Math.Clamp(length - CodePoints.Count(end), 0, count))];
        var space = cut.LastIndexOf(' ');
        return (arguments.Flag(1, "killwords") || space < 0 ? cut : cut[..space]) + end;
    }

    [GeneratedRegex(@"([-\s({\[<]+)")]
    private static partial Regex WordStarts();
}
