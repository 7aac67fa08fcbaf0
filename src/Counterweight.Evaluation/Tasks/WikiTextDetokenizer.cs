using System.Text.RegularExpressions;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Undoes WikiText's tokenisation as lm-evaluation-harness does, step by step and in its order.</summary>
internal static partial class WikiTextDetokenizer
{
    // Python's \s, which has four separators more than .NET's.
    private const string Space = @"[\s\x1c-\x1f]*";

    public static string Detokenize(string text)
    {
        text = text.Replace("s '", "s'").Replace("/' [0-9]/", "/'[0-9]/");
        text = text.Replace(" @-@ ", "-").Replace(" @,@ ", ",").Replace(" @.@ ", ".");
        foreach (var mark in ":;.!?,")
            text = text.Replace($" {mark} ", $"{mark} ");
        text = InParentheses().Replace(text, "($1)");
        text = InBrackets().Replace(text, "[$1]");
        text = InBraces().Replace(text, "{$1}");
        text = InDoubleQuotes().Replace(text, "\"$1\"");
        text = InSingleQuotes().Replace(text, "'$1'");
        text = text.Replace("= = = =", "====").Replace("= = =", "===").Replace("= =", "==");
        return text.Replace(" ° ", "°").Replace(" \n", "\n").Replace("\n ", "\n").Replace(" N ", " 1 ").Replace(" 's", "'s");
    }

    [GeneratedRegex(@"\(" + Space + @"([^\)]*?)" + Space + @"\)")]
    private static partial Regex InParentheses();

    [GeneratedRegex(@"\[" + Space + @"([^\]]*?)" + Space + @"\]")]
    private static partial Regex InBrackets();

    [GeneratedRegex("{" + Space + "([^}]*?)" + Space + "}")]
    private static partial Regex InBraces();

    [GeneratedRegex("\"" + Space + "([^\"]*?)" + Space + "\"")]
    private static partial Regex InDoubleQuotes();

    [GeneratedRegex("'" + Space + "([^']*?)" + Space + "'")]
    private static partial Regex InSingleQuotes();
}
