using System.Buffers;
using System.Globalization;
using System.Text;

namespace Counterweight.Engine.Tokenization;

/// <summary>A stretch of text: plain (<paramref name="TokenId"/> is -1) or one added token.</summary>
internal readonly record struct TextSegment(int Start, int Length, int TokenId);

/// <summary>Cuts added tokens out of a text: leftmost first, the longest where several start at one place.</summary>
internal sealed class AddedTokenSplitter
{
    private readonly SearchValues<string> _contents;
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _byContent;
    private readonly int[] _lengths;

    /// <param name="tokens">the tokens by the text to look for</param>
    public AddedTokenSplitter(IReadOnlyDictionary<string, AddedToken> tokens)
    {
        _contents = SearchValues.Create([.. tokens.Keys], StringComparison.Ordinal);
        _byContent = new Dictionary<string, AddedToken>(tokens, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. tokens.Keys.Select(content => content.Length).Distinct().OrderDescending()];
    }

    /// <summary>The segments of the text in order; they cover it but for whitespace that tokens swallow.</summary>
    public List<TextSegment> Split(ReadOnlySpan<char> text)
    {
        var segments = new List<TextSegment>();
        var done = 0;
        for (var scan = 0; text[scan..].IndexOfAny(_contents) is >= 0 and var offset;)
        {
            var start = scan + offset;
            var token = LongestAt(text[start..], out var length);
            var end = scan = start + length;
            if (token.SingleWord && (EndsInWord(text[..start]) || StartsWithWord(text[end..])))
                continue;
            if (token.StripLeft)
                start = Math.Max(done, text[..start].TrimEnd().Length);
            if (token.StripRight)
                end = text.Length - text[end..].TrimStart().Length;
            if (done < start)
                segments.Add(new TextSegment(done, start - done, -1));
            segments.Add(new TextSegment(start, end - start, token.Id));
            done = end;
        }
        if (done < text.Length)
            segments.Add(new TextSegment(done, text.Length - done, -1));
        return segments;
    }

    private AddedToken LongestAt(ReadOnlySpan<char> text, out int length)
    {
        foreach (var candidate in _lengths)
        {
            length = candidate;
            if (candidate <= text.Length && _byContent.TryGetValue(text[..candidate], out var token))
                return token;
        }
        throw new InvalidOperationException("the search found a token that the table doesn't hold");
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWordCharacter(rune);

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsWordCharacter(rune);

    private static bool IsWordCharacter(Rune rune) =>
        Rune.IsLetter(rune) || rune.Value is 0x200C or 0x200D || Rune.GetUnicodeCategory(rune) is
            UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;
}
