using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Perplexity over encyclopedia pages, WikiText-2 raw. Merity et al., "Pointer Sentinel Mixture Models", 2016.</summary>
internal static class WikiText
{
    public static RollingTask Task { get; } = new("wikitext", Read) { Version = 2 };

    private static IEnumerable<RollingDocument> Read(TaskData data)
    {
        var path = data.Benchmark("wikitext-2-raw", "wikitext-test.txt");
        var pages = Pages(Utf8File.ReadText(path)).ToArray();
        if (pages.Length == 0)
            throw new InvalidInputException(path, "no page", "pages that start with a line like \" = Title = \"");
        return pages.Select(page => new RollingDocument(page, WikiTextDetokenizer.Detokenize(page)));
    }

    private static IEnumerable<string> Pages(string text)
    {
        var page = new List<string>();
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (IsTitle(line))
            {
                if (Joined(page) is { } finished)
                    yield return finished;
                page.Clear();
            }
            page.Add(line);
        }
        if (Joined(page) is { } last)
            yield return last;
    }

    private static bool IsTitle(string line)
    {
        var stripped = PythonText.Trim(line.Replace("= = =", "===").Replace("= =", "=="));
        return stripped.StartsWith("= ", StringComparison.Ordinal) && stripped.EndsWith(" =", StringComparison.Ordinal);
    }

    private static string? Joined(List<string> lines) => lines.TrueForAll(string.IsNullOrWhiteSpace) ? null : string.Join('\n', lines);
}
