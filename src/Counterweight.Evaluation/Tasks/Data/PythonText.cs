namespace Counterweight.Evaluation.Tasks.Data;

/// <summary>Text operations as Python does them: the reference's requests and metrics depend on them.</summary>
internal static class PythonText
{
    /// <summary><c>str.isspace</c>: .NET's white space, and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';

    /// <summary><c>str.rstrip()</c>.</summary>
    public static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
            end--;
        return text[..end];
    }

    /// <summary><c>str.strip()</c>.</summary>
    public static string Trim(string text)
    {
        var start = 0;
        while (start < text.Length && IsSpace(text[start]))
            start++;
        return TrimEnd(text[start..]);
    }

    /// <summary><c>str.split()</c>: the words between white space.</summary>
    public static string[] Split(string text) => string.Concat(text.Select(c => IsSpace(c) ? ' ' : c)).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary><c>len(str)</c>: code points, not UTF-16 units.</summary>
    public static int CodePoints(string text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
            count++;
        return count;
    }

    /// <summary><c>len(re.split(r"\s+", text))</c>: empty parts at the ends count.</summary>
    public static int Words(string text)
    {
        var words = 1;
        for (var i = 0; i < text.Length; i++)
            if (IsSpace(text[i]) && (i == 0 || !IsSpace(text[i - 1])))
                words++;
        return words;
    }
}
