using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Tests;

/// <summary>An id for each UTF-16 unit, so that requests can be read; the prefix token is 0.</summary>
internal static class CharacterTokenizer
{
    public const int PrefixToken = 0;
    public const string PrefixText = "\0";

    public static int[] Encode(string text, bool addSpecialTokens) => [.. text.Select(c => (int)c)];

    public static RequestTokenizer Requests(int maxLength = 1_000_000, bool hasEncoder = false) => new(Encode, PrefixToken, PrefixText, maxLength, hasEncoder);

    public static string Decode(IEnumerable<int> ids) => string.Concat(ids.Select(id => (char)id));
}
