using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;
using Counterweight.Balancing;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Tokenization.PreTokenizers;

/// <summary>
/// A text with one UTF-16 unit for each code point, for .NET's regular expressions, which see a character beyond U+FFFF as two
/// units of no category. Each such character is replaced by a rare one of the same Unicode category; offsets are mapped back.
/// </summary>
internal ref struct BmpText
{
    // One per UnicodeCategory, in its order; '\0' where no character beyond U+FFFF has the category.
    private const string StandIns =
        "\uA640\uA641\u1FBC\uA015\uA000" + // Lu Ll Lt Lm Lo
        "\uA802\uA823\uA670" + // Mn Mc Me
        "\uA620\uA6E6\uA830" + // Nd Nl No
        "\0\0\0\0\uFFF9\0\uE000" + // Zs Zl Zp Cc Cf Cs Co
        "\uFE4D\uFE58\uFE59\uFE5A\u2E02\u2E03\uA60D" + // Pc Pd Ps Pe Pi Pf Po
        "\uFE62\uA838\uA700\uA490" + // Sm Sc Sk So
        "\uFDD0"; // Cn

    private readonly ReadOnlySpan<char> _original;
    private readonly char[]? _rented;
    private int _unit;
    private int _originalOffset;

    public BmpText(ReadOnlySpan<char> original)
    {
        _original = Units = original;
        if (!original.ContainsAnyInRange('\uD800', '\uDFFF'))
            return;
        _rented = ArrayPool<char>.Shared.Rent(original.Length);
        var count = 0;
        foreach (var rune in original.EnumerateRunes())
            _rented[count++] = rune.IsBmp ? (char)rune.Value : StandInFor(CharUnicodeInfo.GetUnicodeCategory(rune.Value));
        Units = _rented.AsSpan(0, count);
    }

    /// <summary>The text to match against.</summary>
    public ReadOnlySpan<char> Units { get; }

    public static char StandInFor(UnicodeCategory category) => StandIns[(int)category];

    /// <summary>The offset in the original text; offsets must come in ascending order.</summary>
    public int ToOriginal(int unit)
    {
        if (_rented is null)
            return unit;
        for (; _unit < unit; _unit++)
            _originalOffset += char.IsHighSurrogate(_original[_originalOffset]) ? 2 : 1;
        return _originalOffset;
    }

    /// <summary>What a pattern that takes too long is refused with.</summary>
    public static InvalidInputException Endless(RegexMatchTimeoutException e) => new(
        $"tokenizer pattern {InputText.Quoted(e.Pattern)}", $"no end of one match after {e.MatchTimeout.TotalSeconds} s", "a pattern without nested repetition", e);

    public readonly void Dispose()
    {
        if (_rented is not null)
            ArrayPool<char>.Shared.Return(_rented);
    }
}
