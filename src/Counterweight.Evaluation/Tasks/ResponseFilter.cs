using System.Text.RegularExpressions;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Takes an answer out of a text.</summary>
/// <param name="Name">Stands behind the comma in names of metrics.</param>
/// <param name="Pattern">The first of its groups that is not empty is the answer, or the whole match where it has none; null: the text is the answer.</param>
/// <param name="TakesLast">Whether the last match counts, not the first.</param>
internal sealed record ResponseFilter(string Name, Regex? Pattern, bool TakesLast = false)
{
    /// <summary>What the reference says where nothing matches.</summary>
    public const string Nothing = "[invalid]";

    public static ResponseFilter None { get; } = new(MetricName.NoFilter, null);

    public string Apply(string text)
    {
        if (Pattern is null)
            return text;
        var matches = Pattern.Matches(text);
        if (matches.Count == 0)
            return Nothing;
        var match = matches[TakesLast ? ^1 : 0];
        if (match.Groups.Count == 1)
            return PythonText.Trim(match.Value);
        var group = match.Groups.Values.Skip(1).FirstOrDefault(group => group.Length > 0);
        // With one group the reference takes it even if it is empty.
        return group is not null ? PythonText.Trim(group.Value) : match.Groups.Count == 2 ? "" : Nothing;
    }
}
