using Counterweight.Balancing;

namespace Counterweight.Evaluation.Scoring;

/// <summary>How tasks are evaluated.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The seed that lm-evaluation-harness draws its examples with.</summary>
    public const uint DefaultSeed = 1234;

    /// <summary>Names the model (and plan) in results; a run can be continued only under the same name.</summary>
    public required string Model { get; init; }

    /// <summary>Examples in front of each document, 0 or more; tasks that take none stay without. Null (default): each task's own number.</summary>
    public int? FewShot { get; init; }

    /// <summary>Only the first documents of each task, 1 or more; null for all.</summary>
    public int? Limit { get; init; }

    /// <summary>For drawing examples; the default is <see cref="DefaultSeed"/>.</summary>
    public uint Seed { get; init; } = DefaultSeed;

    /// <summary>
    /// Folder for <c>run.json</c>, <c>samples.jsonl</c> and the results; a run that was interrupted continues from what is there. Null:
    /// nothing is written.
    /// </summary>
    public string? Folder { get; init; }

    /// <summary>Dates the results of a run by its start; the default is the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        if (FewShot < 0)
            throw new InvalidInputException("--few-shot", $"{FewShot}", "0 or more");
        if (Limit < 1)
            throw new InvalidInputException("--limit", $"{Limit}", "1 or more");
    }
}

/// <summary>How far an evaluation is.</summary>
/// <param name="Task">The task under way.</param>
/// <param name="Samples">Documents done, those of an earlier run included.</param>
/// <param name="TotalSamples">Documents of all tasks.</param>
/// <param name="Tokens">Tokens of the requests that this run is through with, and tokens that were written.</param>
public readonly record struct EvaluationProgress(string Task, int Samples, int TotalSamples, long Tokens);
