using System.Text.RegularExpressions;

namespace Counterweight.Evaluation.Tasks.Metrics;

/// <summary>Whether two answers are the same, once what does not matter is taken out of both.</summary>
/// <param name="Ignored">Patterns whose matches are removed, in this order.</param>
/// <param name="IgnoresCase">Whether capital letters are small ones.</param>
internal sealed record ExactMatch(IReadOnlyList<Regex> Ignored, bool IgnoresCase)
{
    public const string Name = "exact_match";

    public double Of(string target, string answer) => Normalize(target) == Normalize(answer) ? 1 : 0;

    private string Normalize(string text)
    {
        foreach (var pattern in Ignored)
            text = pattern.Replace(text, "");
        return IgnoresCase ? text.ToLowerInvariant() : text;
    }
}
