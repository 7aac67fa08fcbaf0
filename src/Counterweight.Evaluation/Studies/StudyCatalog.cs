using Counterweight.Balancing;

namespace Counterweight.Evaluation.Studies;

/// <summary>All studies, in the order of the report.</summary>
public static class StudyCatalog
{
    private static readonly IStudy[] Studies =
    [
        new BatchSize.BatchSizeStudy(),
        new Importance.ImportanceStudy(),
        new CalibrationSize.CalibrationStudy(),
        Policies.PolicyStudy.Grid,
        Policies.PolicyStudy.Ablation,
        new Streaming.StreamingStudy(),
        new Splits.SplitStudy(),
    ];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Studies.Select(study => study.Name)];

    /// <summary>Names and headings.</summary>
    public static IReadOnlyList<(string Name, string Title)> Titles { get; } = [.. Studies.Select(study => (study.Name, study.Title))];

    /// <summary>The studies of these names, each once and in the order of the report; none stands for all.</summary>
    /// <exception cref="InvalidInputException">There is no study of a name.</exception>
    internal static IReadOnlyList<IStudy> Find(IReadOnlyList<string> names)
    {
        foreach (var name in names)
            if (!Names.Contains(name))
                throw new InvalidInputException("studies", $"\"{name}\"", "some of " + string.Join(", ", Names));
        return [.. Studies.Where(study => names.Count == 0 || names.Contains(study.Name))];
    }
}
