namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>The methods of Python's <c>str</c> that templates use.</summary>
internal static class StringMethods
{
    private static readonly Dictionary<string, Func<string, Arguments, object?>> All = new(StringComparer.Ordinal)
    {
        ["capitalize"] = (text, a) => CodePoints.Capitalized(a.Allow() is not null ? text : ""),
        ["count"] = (text, a) => (long)Count(text, a.Allow("sub").Text(0, "sub")),
        ["endswith"] = (text, a) => AnyOf(a.Allow("suffix").Require(0, "suffix"), part => text.EndsWith(part, StringComparison.Ordinal)),
        ["find"] = (text, a) => Find(text, text.IndexOf(a.Allow("sub").Text(0, "sub"), StringComparison.Ordinal)),
        ["format"] = (text, a) => StringFormat.Braces(text, a),
        ["index"] = (text, a) => Find(text, text.IndexOf(a.Allow("sub").Text(0, "sub"), StringComparison.Ordinal)) is >= 0 and var at
            ? at : throw new TemplateFault("a string without that substring", "one that has it"),
        ["isalnum"] = (text, a) => text.Length > 0 && text.All(char.IsLetterOrDigit),
        ["isalpha"] = (text, a) => text.Length > 0 && text.All(char.IsLetter),
        ["isdecimal"] = (text, a) => text.Length > 0 && text.All(char.IsDigit),
        ["isdigit"] = (text, a) => text.Length > 0 && text.All(char.IsDigit),
        ["islower"] = (text, a) => text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["isnumeric"] = (text, a) => text.Length > 0 && text.All(char.IsNumber),
        ["isspace"] = (text, a) => text.Length > 0 && text.All(Whitespace.Is),
        ["isupper"] = (text, a) => text.Any(char.IsUpper) && !text.Any(char.IsLower),
        ["join"] = (text, a) => Join(text, a.Allow("iterable")),
        ["lower"] = (text, a) => CodePoints.Lower(text),
        ["lstrip"] = (text, a) => Strip(text, a, start: true, end: false),
        ["partition"] = (text, a) => Partition(text, a.Text(0, "sep"), text.IndexOf(a.Text(0, "sep"), StringComparison.Ordinal), isLast: false),
        ["removeprefix"] = (text, a) => text.StartsWith(a.Text(0, "prefix"), StringComparison.Ordinal) ? text[a.Text(0, "prefix").Length..] : text,
        ["removesuffix"] = (text, a) => text.EndsWith(a.Text(0, "suffix"), StringComparison.Ordinal) ? text[..^a.Text(0, "suffix").Length] : text,
        ["replace"] = (text, a) => Replace(text, a.Allow("old", "new", "count"), "count"),
        ["rfind"] = (text, a) => Find(text, text.LastIndexOf(a.Allow("sub").Text(0, "sub"), StringComparison.Ordinal)),
        ["rpartition"] = (text, a) => Partition(text, a.Text(0, "sep"), text.LastIndexOf(a.Text(0, "sep"), StringComparison.Ordinal), isLast: true),
        ["rsplit"] = (text, a) => StringSplit.FromEnd(text, a),
        ["rstrip"] = (text, a) => Strip(text, a, start: false, end: true),
        ["split"] = (text, a) => StringSplit.FromStart(text, a),
        ["splitlines"] = (text, a) => StringSplit.Lines(text, a.Allow("keepends").Flag(0, "keepends")),
        ["startswith"] = (text, a) => AnyOf(a.Allow("prefix").Require(0, "prefix"), part => text.StartsWith(part, StringComparison.Ordinal)),
        ["strip"] = (text, a) => Strip(text, a, start: true, end: true),
        ["swapcase"] = (text, a) => string.Concat(text.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))),
        ["title"] = (text, a) => CodePoints.Titled(text),
        ["upper"] = (text, a) => CodePoints.Upper(text),
    };

    public static bool TryGet(string text, string name, out object? method)
    {
        method = null;
        if (!All.TryGetValue(name, out var call))
            return false;
        method = new TemplateFunction(name, arguments =>
        {
            arguments.Work.Charge(text.Length);
            return call(text, arguments);
        });
        return true;
    }

    /// <summary>Replaces, at most <c>count</c> times where that is given.</summary>
    public static string Replace(string text, Arguments arguments, string countName)
    {
        var (old, by, count) = (arguments.Text(0, "old"), arguments.Text(1, "new"), arguments.Integer(2, countName) ?? -1);
        if (count < 0)
            count = long.MaxValue;
        var occurrences = Math.Min(count, old.Length == 0 ? CodePoints.Count(text) + 1 : Count(text, old));
        arguments.Work.Charge(text.Length + occurrences * by.Length);
        if (old.Length > 0 && count >= occurrences && count == long.MaxValue)
            return text.Replace(old, by, StringComparison.Ordinal);
        return string.Concat(Pieces(text, old, by, occurrences));
    }

    /// <summary>Strips whitespace, or the characters of the first argument.</summary>
    public static string Strip(string text, Arguments arguments, bool start, bool end)
    {
        var characters = arguments.Allow("chars").Get(0, "chars", null) is null ? null : arguments.Text(0, "chars");
        bool Goes(char c) => characters is null ? Whitespace.Is(c) : characters.Contains(c);
        var (from, to) = (0, text.Length);
        while (start && from < to && Goes(text[from]))
            from++;
        while (end && to > from && Goes(text[to - 1]))
            to--;
        return text[from..to];
    }

    private static int Count(string text, string part)
    {
        if (part.Length == 0)
            return CodePoints.Count(text) + 1;
        var count = 0;
        for (var at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
            count++;
        return count;
    }

    private static IEnumerable<string> Pieces(string text, string old, string by, long count)
    {
        var done = 0;
        for (var at = 0; count > 0 && (at = text.IndexOf(old, at, StringComparison.Ordinal)) >= 0; count--)
        {
            yield return text[done..at];
            yield return by;
            done = at + old.Length;
            at = old.Length > 0 ? done : at + 1;
            if (at > text.Length)
                break;
        }
        yield return text[done..];
    }

    private static bool AnyOf(object? parts, Func<string, bool> matches) => parts switch
    {
        string part => matches(part),
        TemplateList { IsTuple: true } tuple when tuple.Items.All(item => item is string) => tuple.Items.Any(item => matches((string)item!)),
        _ => throw new TemplateFault(TemplateText.Kind(parts), "a string or a tuple of strings"),
    };

    private static long Find(string text, int offset) => offset < 0 ? -1 : CodePoints.Count(text[..offset]);

    private static string Join(string separator, Arguments arguments)
    {
        var items = Sequences.Items(arguments.Require(0, "iterable"), arguments.Work);
        if (items.FirstOrDefault(item => item is not string, "") is not string)
            throw new TemplateFault($"a join of {TemplateText.Kind(items.First(item => item is not string))}", "strings alone");
        arguments.Work.Charge(items.Sum(item => (long)((string)item!).Length + separator.Length));
        return string.Join(separator, items);
    }

    private static TemplateList Partition(string text, string separator, int at, bool isLast) => new(
        at >= 0 ? [text[..at], separator, text[(at + separator.Length)..]] : isLast ? ["", "", text] : [text, "", ""], IsTuple: true);
}
