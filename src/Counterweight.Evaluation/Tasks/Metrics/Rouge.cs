namespace Counterweight.Evaluation.Tasks.Metrics;

/// <summary>
/// ROUGE F-measures of one text against one reference, as the rouge_score package computes them without a stemmer. Lin, "ROUGE: A Package for Automatic Evaluation of
/// Summaries", 2004.
/// </summary>
internal static class Rouge
{
    /// <summary>N-gram overlap, 0 to 100.</summary>
    public static double OfNGrams(string reference, string text, int order)
    {
        var (expected, found) = (Words(reference), Words(text));
        double matches = NGrams.Matches(expected, found, order);
        return FMeasure(matches / Math.Max(found.Length - order + 1, 1), matches / Math.Max(expected.Length - order + 1, 1));
    }

    /// <summary>
    /// Union of longest common subsequences over sentences (section 3.2), 0 to 100. Sentences are lines, and parts that end with " . " as the reference's data has them.
    /// </summary>
    public static double OfSubsequences(string reference, string text)
    {
        var (expected, found) = (Sentences(reference), Sentences(text));
        double expectedWords = expected.Sum(sentence => sentence.Length), foundWords = found.Sum(sentence => sentence.Length);
        if (expectedWords == 0 || foundWords == 0)
            return 0;
        // A word counts as often as both texts have it.
        var (left, right) = (Counts(expected), Counts(found));
        var hits = 0;
        foreach (var sentence in expected)
            foreach (var place in found.SelectMany(other => CommonSubsequence(sentence, other)).Distinct().Order())
            {
                var word = sentence[place];
                if (left[word] <= 0 || right.GetValueOrDefault(word) <= 0)
                    continue;
                left[word]--;
                right[word]--;
                hits++;
            }
        return FMeasure(hits / foundWords, hits / expectedWords);
    }

    private static double FMeasure(double precision, double recall) => precision + recall > 0 ? 100 * (2 * precision * recall / (precision + recall)) : 0;

    private static string[][] Sentences(string text) =>
        [.. text.Replace(" . ", ".\n", StringComparison.Ordinal).Split('\n').Where(line => line.Length > 0).Select(Words)];

    /// <summary>Lower-case runs of a-z and 0-9.</summary>
    private static string[] Words(string text)
    {
        var letters = text.ToLowerInvariant().Select(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) ? c : ' ');
        return string.Concat(letters).Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static Dictionary<string, int> Counts(string[][] sentences) =>
        sentences.SelectMany(sentence => sentence).GroupBy(word => word).ToDictionary(word => word.Key, word => word.Count());

    /// <summary>Places in <paramref name="a"/> of one longest common subsequence: the one that the reference's backtracking takes.</summary>
    private static List<int> CommonSubsequence(string[] a, string[] b)
    {
        var lengths = new int[a.Length + 1, b.Length + 1];
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
                lengths[i, j] = a[i - 1] == b[j - 1] ? lengths[i - 1, j - 1] + 1 : Math.Max(lengths[i - 1, j], lengths[i, j - 1]);
        var places = new List<int>();
        for (var (i, j) = (a.Length, b.Length); i > 0 && j > 0;)
            if (a[i - 1] == b[j - 1])
            {
                places.Add(--i);
                j--;
            }
            else if (lengths[i, j - 1] > lengths[i - 1, j])
                j--;
            else
                i--;
        return places;
    }
}
