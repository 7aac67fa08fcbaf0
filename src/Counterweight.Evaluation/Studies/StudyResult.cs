using Counterweight.Evaluation.Reports.Html.Charts;

namespace Counterweight.Evaluation.Studies;

/// <summary>What a study found. Nothing in it depends on the clock, so the same settings give the same result.</summary>
/// <param name="Findings">What the figures say, in whole sentences with their numbers.</param>
/// <param name="Tables">All figures.</param>
public sealed record StudyResult(IReadOnlyList<string> Findings, IReadOnlyList<StudyTable> Tables)
{
    /// <summary>Pictures of the figures.</summary>
    internal IReadOnlyList<StudyChart> Charts { get; init; } = [];

    /// <summary>What the clock said, for example tokens a second; kept apart from the figures.</summary>
    public IReadOnlyList<StudyTable> Timings { get; init; } = [];
}

/// <summary>A picture of a study.</summary>
/// <param name="Name">File name without ending, in kebab case.</param>
/// <param name="Chart">The picture.</param>
/// <param name="Table">The table that it shows: its CSV stands beside the picture.</param>
internal sealed record StudyChart(string Name, IChart Chart, StudyTable Table)
{
    /// <summary>Takes the whole width of the page.</summary>
    public bool Wide { get; init; }
}
