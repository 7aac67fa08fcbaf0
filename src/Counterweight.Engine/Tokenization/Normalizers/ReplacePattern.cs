using System.Text;
using System.Text.RegularExpressions;
using Counterweight.Engine.Tokenization.PreTokenizers;

namespace Counterweight.Engine.Tokenization.Normalizers;

/// <summary>Replaces what a pattern matches by one string.</summary>
internal sealed class ReplacePattern(Regex pattern, string content) : Normalizer
{
    public override string Normalize(string text)
    {
        try
        {
            return ReplaceIn(text);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw BmpText.Endless(e);
        }
    }

    private string ReplaceIn(string text)
    {
        using var units = new BmpText(text);
        var result = new StringBuilder(text.Length);
        var done = 0;
        foreach (var match in pattern.EnumerateMatches(units.Units))
        {
            if (match.Length == 0)
                continue;
            var start = units.ToOriginal(match.Index);
            result.Append(text, done, start - done).Append(content);
            done = units.ToOriginal(match.Index + match.Length);
        }
        return result.Append(text, done, text.Length - done).ToString();
    }
}
