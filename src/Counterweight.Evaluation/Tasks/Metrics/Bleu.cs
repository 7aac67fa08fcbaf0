using System.Globalization;
using System.Text;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks.Metrics;

/// <summary>
/// BLEU of one text against one reference: n-grams up to 4, brevity penalty, exponential smoothing, the international tokenizer of mteval-v14, as sacrebleu computes
/// it. Papineni et al., "BLEU", 2002; Post, "A Call for Clarity in Reporting BLEU Scores", 2018.
/// </summary>
internal static class Bleu
{
    private const int MaxOrder = 4;

    /// <summary>0 to 100.</summary>
    public static double Of(string reference, string text)
    {
        var (expected, found) = (Tokenize(reference), Tokenize(text));
        var matches = Enumerable.Range(1, MaxOrder).Select(order => NGrams.Matches(expected, found, order)).ToArray();
        if (found.Length < MaxOrder || matches.All(count => count == 0))
            return 0;
        var (logs, smoothing) = (0.0, 1.0);
        for (var order = 1; order <= MaxOrder; order++)
        {
            double total = found.Length - order + 1;
            var precision = matches[order - 1] > 0 ? 100.0 * matches[order - 1] / total : 100.0 / ((smoothing *= 2) * total);
            logs += Math.Log(precision);
        }
        var brevity = found.Length < expected.Length ? Math.Exp(1 - (double)expected.Length / found.Length) : 1;
        return brevity * Math.Exp(logs / MaxOrder);
    }

    /// <summary>
    /// Splits off punctuation unless digits stand around it, and all symbols: three passes that each go on behind what they have replaced. White space separates.
    /// </summary>
    public static string[] Tokenize(string text)
    {
        var runes = PythonText.TrimEnd(text).EnumerateRunes().ToArray();
        runes = SplitPairs(runes, (first, second) => !IsNumber(first) && IsPunctuation(second), punctuationFirst: false);
        runes = SplitPairs(runes, (first, second) => IsPunctuation(first) && !IsNumber(second), punctuationFirst: true);
        var spaced = new StringBuilder();
        foreach (var rune in runes)
            if (IsSymbol(rune))
                spaced.Append(' ').Append(rune.ToString()).Append(' ');
            else
                spaced.Append(rune.ToString());
        return PythonText.Split(spaced.ToString());
    }

    private static Rune[] SplitPairs(Rune[] runes, Func<Rune, Rune, bool> matches, bool punctuationFirst)
    {
        var space = new Rune(' ');
        var result = new List<Rune>(runes.Length * 2);
        for (var i = 0; i < runes.Length; i++)
            if (i + 1 < runes.Length && matches(runes[i], runes[i + 1]))
                result.AddRange(punctuationFirst ? [space, runes[i], space, runes[++i]] : [runes[i], space, runes[++i], space]);
            else
                result.Add(runes[i]);
        return [.. result];
    }

    private static bool IsNumber(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private static bool IsPunctuation(Rune rune) => Rune.IsPunctuation(rune);

    private static bool IsSymbol(Rune rune) => Rune.IsSymbol(rune);
}
