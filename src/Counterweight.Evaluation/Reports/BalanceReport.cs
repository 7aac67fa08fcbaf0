namespace Counterweight.Evaluation.Reports;

/// <summary>
/// What balancing a model changed, measured before and after on the same evaluation text. The JSON form is written by
/// <see cref="BalanceReportJson"/> in the order of the properties, dictionaries in the order in which they were filled.
/// </summary>
public sealed record BalanceReport
{
    /// <summary>The model, as the user named it.</summary>
    public required string Model { get; init; }

    /// <summary>The processor that it ran on, with core count and vector instructions.</summary>
    public required string Cpu { get; init; }

    /// <summary>The policy that made the plan, for example <c>budget</c>.</summary>
    public required string Policy { get; init; }

    /// <summary>The seed of everything random.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The model as it was.</summary>
    public required ModelFigures Before { get; init; }

    /// <summary>The model under the plan.</summary>
    public required ModelFigures After { get; init; }

    /// <summary>After against before.</summary>
    public required BalanceChange Change { get; init; }

    /// <summary>How far calibration foretold evaluation.</summary>
    public required CalibrationEstimates Estimates { get; init; }

    /// <summary>The figures by layer, expert and slot.</summary>
    public required BalanceDetail Detail { get; init; }

    /// <summary>What the report was made from.</summary>
    public required ReportProvenance Provenance { get; init; }

    /// <summary>Seconds that each step took, in order; null without timings.</summary>
    public IReadOnlyDictionary<string, double>? Seconds { get; init; }

    /// <summary>The same report without what the clock says: equal for equal seed, inputs and options.</summary>
    public BalanceReport WithoutTimings() => this with
    {
        Before = Before with { PrefillTokensPerSecond = null, DecodeTokensPerSecond = null },
        After = After with { PrefillTokensPerSecond = null, DecodeTokensPerSecond = null },
        Change = Change with { PrefillTokensPerSecondRatio = null, DecodeTokensPerSecondRatio = null },
        Seconds = null,
    };
}
