using System.Text;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Strings by code points, as Python counts them.</summary>
internal static class CodePoints
{
    public static int Count(string text)
    {
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
            if (char.IsSurrogatePair(text[i - 1], text[i]))
                count--;
        return count;
    }

    /// <summary>The characters, each as a string.</summary>
    public static IEnumerable<string> Each(string text)
    {
        for (var i = 0; i < text.Length; i++)
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                yield return text.Substring(i++, 2);
            else
                yield return text[i].ToString();
    }

    /// <summary>The UTF-16 offset of a code point.</summary>
    public static int OffsetOf(string text, int index)
    {
        var at = 0;
        for (; index > 0 && at < text.Length; index--)
            at += at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
        return at;
    }

    public static string Reversed(string text) => string.Concat(Each(text).Reverse());

    /// <summary>First character upper case, the others lower.</summary>
    public static string Capitalized(string text) => text.Length == 0 ? "" : Upper(text[..1]) + Lower(text[1..]);

    /// <summary>The first letter of each run of letters upper case, the others lower.</summary>
    public static string Titled(string text)
    {
        var titled = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var c in text)
        {
            titled.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c);
        }
        return titled.ToString();
    }

    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

#pragma warning disable CA1308 // Lower case is what was asked for, not a way to compare.
    public static string Lower(string text) => text.ToLowerInvariant();
#pragma warning restore CA1308
}
