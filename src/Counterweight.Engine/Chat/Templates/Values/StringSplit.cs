using System.Buffers;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Python's ways of splitting a string.</summary>
internal static class StringSplit
{
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029");

    public static TemplateList FromStart(string text, Arguments arguments)
    {
        var (separator, limit) = Read(arguments);
        var parts = separator is null ? Words(text, limit) : Parts(text, separator, limit);
        return Listed(parts, arguments);
    }

    public static TemplateList FromEnd(string text, Arguments arguments)
    {
        var (separator, limit) = Read(arguments);
        var parts = separator is null ? WordsFromEnd(text, limit) : PartsFromEnd(text, separator, limit);
        parts.Reverse();
        return Listed(parts, arguments);
    }

    public static TemplateList Lines(string text, bool keepsEnds)
    {
        var lines = new List<object?>();
        for (var at = 0; at < text.Length;)
        {
            var length = text.AsSpan(at).IndexOfAny(LineEnds);
            length = length < 0 ? text.Length - at : length;
            var end = at + length;
            var next = end >= text.Length ? end : text.AsSpan(end).StartsWith("\r\n") ? end + 2 : end + 1;
            lines.Add(text[at..(keepsEnds ? next : end)]);
            at = next;
        }
        return new TemplateList(lines);
    }

    private static (string? Separator, long Limit) Read(Arguments arguments)
    {
        arguments.Allow("sep", "maxsplit");
        var separator = arguments.Get(0, "sep", null) is null ? null : arguments.Text(0, "sep");
        var limit = arguments.Integer(1, "maxsplit") ?? -1;
        return separator?.Length == 0
            ? throw new TemplateFault("an empty separator", "one character or more")
            : (separator, limit < 0 ? long.MaxValue : limit);
    }

    private static TemplateList Listed(List<string> parts, Arguments arguments)
    {
        arguments.Work.Charge(parts.Count);
        return new TemplateList([.. parts]);
    }

    private static List<string> Parts(string text, string separator, long limit)
    {
        var (parts, done) = (new List<string>(), 0);
        for (int at; parts.Count < limit && (at = text.IndexOf(separator, done, StringComparison.Ordinal)) >= 0; done = at + separator.Length)
            parts.Add(text[done..at]);
        parts.Add(text[done..]);
        return parts;
    }

    private static List<string> PartsFromEnd(string text, string separator, long limit)
    {
        var (parts, end) = (new List<string>(), text.Length);
        for (int at; parts.Count < limit && (at = text.AsSpan(0, end).LastIndexOf(separator)) >= 0; end = at)
            parts.Add(text[(at + separator.Length)..end]);
        parts.Add(text[..end]);
        return parts;
    }

    private static List<string> Words(string text, long limit)
    {
        var parts = new List<string>();
        var rest = Whitespace.TrimStart(text);
        while (!rest.IsEmpty && parts.Count < limit)
        {
            var length = 0;
            while (length < rest.Length && !Whitespace.Is(rest[length]))
                length++;
            parts.Add(rest[..length].ToString());
            rest = Whitespace.TrimStart(rest[length..]);
        }
        if (!rest.IsEmpty)
            parts.Add(rest.ToString());
        return parts;
    }

    private static List<string> WordsFromEnd(string text, long limit)
    {
        var parts = new List<string>();
        var rest = Whitespace.TrimEnd(text);
        while (!rest.IsEmpty && parts.Count < limit)
        {
            var start = rest.Length;
            while (start > 0 && !Whitespace.Is(rest[start - 1]))
                start--;
            parts.Add(rest[start..].ToString());
            rest = Whitespace.TrimEnd(rest[..start]);
        }
        if (!rest.IsEmpty)
            parts.Add(rest.ToString());
        return parts;
    }
}
