namespace Counterweight.Evaluation.Tasks.Metrics;

/// <summary>Runs of words.</summary>
internal static class NGrams
{
    /// <summary>How many n-grams of <paramref name="found"/> are in <paramref name="expected"/>, each as often as it is there.</summary>
    public static int Matches(string[] expected, string[] found, int order)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var gram in Of(expected, order))
            counts[gram] = counts.GetValueOrDefault(gram) + 1;
        var matches = 0;
        foreach (var gram in Of(found, order))
            if (counts.GetValueOrDefault(gram) is > 0 and var left)
            {
                counts[gram] = left - 1;
                matches++;
            }
        return matches;
    }

    // Words hold no white space.
    private static IEnumerable<string> Of(string[] words, int order)
    {
        for (var i = 0; i + order <= words.Length; i++)
            yield return string.Join(' ', words, i, order);
    }
}
