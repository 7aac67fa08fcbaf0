using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Evaluation.Reports;

/// <summary>A slot of the plan and what it did on evaluation text.</summary>
/// <param name="Expert">The logical expert, 0-based.</param>
/// <param name="Precision">The precision in which this copy is held.</param>
/// <param name="Device">The device that holds it, 0-based.</param>
/// <param name="Load">Tokens of evaluation text that it served.</param>
public sealed record SlotLoad(int Expert, Precision Precision, int Device, long Load);

/// <summary>The figures by layer, expert and slot; rows are the MoE layers of the model in order.</summary>
public sealed record BalanceDetail
{
    /// <summary>The precision of the checkpoint's experts.</summary>
    public required Precision OriginalPrecision { get; init; }

    /// <summary>Loads on calibration text, [layers][experts].</summary>
    public required long[][] CalibrationLoads { get; init; }

    /// <summary>Loads of the model as it was on evaluation text, [layers][experts].</summary>
    public required long[][] EvaluationLoads { get; init; }

    /// <summary>The slots of the plan with their loads on evaluation text, [layers][slots].</summary>
    public required SlotLoad[][] Slots { get; init; }

    /// <summary>Importance by estimator, [layers][experts], each in its own direction and unit.</summary>
    public required IReadOnlyDictionary<string, double[][]> Importance { get; init; }

    /// <summary>Expert bytes of the model as it was, by precision.</summary>
    public required IReadOnlyDictionary<Precision, long> BytesByPrecisionBefore { get; init; }

    /// <summary>Expert bytes under the plan, by precision.</summary>
    public required IReadOnlyDictionary<Precision, long> BytesByPrecisionAfter { get; init; }

    /// <summary>Load of the busiest slot of each layer before.</summary>
    public long[] BusiestSlotBefore => Array.ConvertAll(EvaluationLoads, row => row.Max());

    /// <summary>Load of the busiest slot of each layer after.</summary>
    public long[] BusiestSlotAfter => Array.ConvertAll(Slots, row => row.Max(slot => slot.Load));

    /// <summary>Number of slots of each layer by precision.</summary>
    public IReadOnlyList<IReadOnlyDictionary<Precision, int>> SlotsByPrecision =>
        [.. Slots.Select(row => row.CountBy(slot => slot.Precision).OrderBy(count => count.Key).ToDictionary())];

    /// <summary>The rows of a load window, [layers][experts].</summary>
    public static long[][] Rows(ExpertLoads loads) =>
        [.. Enumerable.Range(0, loads.Layers).Select(layer => loads[layer].ToArray())];
}
