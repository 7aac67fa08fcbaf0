namespace Counterweight.Engine.Chat.Templates;

/// <summary>Whitespace as Python's <c>str</c> knows it.</summary>
internal static class Whitespace
{
    public static bool Is(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static ReadOnlySpan<char> TrimEnd(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && Is(text[^1]))
            text = text[..^1];
        return text;
    }

    public static ReadOnlySpan<char> TrimStart(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && Is(text[0]))
            text = text[1..];
        return text;
    }
}
