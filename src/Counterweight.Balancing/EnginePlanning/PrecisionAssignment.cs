using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.EnginePlanning;

/// <summary>How far precisions may be mixed.</summary>
public enum PrecisionMix
{
    /// <summary>Every slot has its own precision: for runtimes with separate slots.</summary>
    PerSlot,

    /// <summary>All slots of a layer share one precision: what GPU serving engines load.</summary>
    PerLayer,
}

/// <summary>
/// Pays for redundant experts with precision: lowers slots, or whole layers, until the expert bytes fit the budget, where the predicted
/// distortion rises least for each byte saved.
/// </summary>
/// <param name="Precisions">The precision of each slot, [layers][slots].</param>
/// <param name="PlannedBytes">Expert bytes of the plan.</param>
/// <param name="OriginalBytes">Expert bytes of the model as it is.</param>
/// <param name="Distortion">
/// Predicted relative squared error of the experts' weights, weighted by the tokens that meet it, mean over layers; or, where
/// importance was measured, the predicted rise of the loss in nats per token.
/// </param>
public sealed record PrecisionAssignment(Precision[][] Precisions, long PlannedBytes, long OriginalBytes, double Distortion)
{
    /// <summary>
    /// Relative squared rounding error of normally distributed weights, on top of the checkpoint's own: what stands in for a measured
    /// distortion where only loads are known. int4 in groups of 32 with fitted scales, int8 by row, fp8 e4m3 in 128 × 128 blocks.
    /// </summary>
    public static double RelativeError(Precision precision) => precision switch
    {
        Precision.Stored or Precision.Fp32 => 0,
        Precision.Fp16 => 4.3e-8,
        Precision.Bf16 => 2.8e-6,
        Precision.Int8 or Precision.LlmInt8 => 8.0e-5,
        Precision.Fp8 => 6.9e-4,
        _ => 6.6e-3,
    };

    /// <summary>Chooses precisions for a plan.</summary>
    /// <param name="plan">The plan, redundant experts included.</param>
    /// <param name="loads">Recorded loads.</param>
    /// <param name="costs">Bytes of an expert by precision, and the checkpoint's own.</param>
    /// <param name="budget">Limit on the expert bytes as a ratio to the model as it is, 0.1 to 16.</param>
    /// <param name="precisions">Precisions that slots may be lowered to.</param>
    /// <param name="mix">How far they may be mixed.</param>
    /// <param name="loss">Predicted rise of the loss if all tokens of an expert meet a precision, [layers][experts]; null takes <see
    /// cref="RelativeError"/>.</param>
    /// <exception cref="InvalidInputException">Even the lowest precision everywhere is beyond the budget.</exception>
    public static PrecisionAssignment Choose(
        EnginePlan plan, ExpertLoads loads, ExpertCosts costs, double budget, IReadOnlyList<Precision> precisions,
        PrecisionMix mix = PrecisionMix.PerSlot, IReadOnlyDictionary<Precision, double[][]>? loss = null)
    {
        DeviceLoads.CheckShape(plan, loads, "loads");
        if (!(budget is >= PlanLimits.MinBudget and <= PlanLimits.MaxBudget))
            throw new InvalidInputException("budget", FormattableString.Invariant($"{budget}"),
                $"{PlanLimits.MinBudget} to {PlanLimits.MaxBudget}");
        var original = BytesAtOriginal(costs, plan.SlotExperts.Select(_ => Enumerable.Range(0, plan.Experts)));
        var result = Array.ConvertAll(plan.SlotExperts, slots => slots.Select(_ => costs.Original).ToArray());
        var bytes = BytesAtOriginal(costs, plan.SlotExperts);
        double distortion = 0;
        var steps = new PrecisionSteps(plan, loads, costs, precisions, loss);
        foreach (var step in steps.Cheapest(mix))
        {
            if (bytes <= original * budget)
                break;
            for (var s = step.FirstSlot; s < step.FirstSlot + step.Slots; s++)
                result[step.Layer][s] = step.Precision;
            bytes -= step.SavedBytes;
            distortion += step.AddedDistortion;
        }
        if (bytes > original * budget)
            throw new InvalidInputException("budget", FormattableString.Invariant($"{budget}"),
                FormattableString.Invariant($"at least {(double)bytes / original:F4} for {plan.TotalSlots} slots with these precisions"));
        return new PrecisionAssignment(result, bytes, original, distortion);
    }

    private static long BytesAtOriginal(ExpertCosts costs, IEnumerable<IEnumerable<int>> layers) =>
        layers.Select((experts, l) => experts.Sum(expert => costs.Of(l, expert, costs.Original))).Sum();
}

/// <summary>Lowers a run of slots to a precision, from the one that an earlier step left.</summary>
internal readonly record struct PrecisionStep(int Layer, int FirstSlot, int Slots, Precision Precision, long SavedBytes,
    double AddedDistortion)
{
    public double Price => AddedDistortion / SavedBytes;
}

/// <summary>The ways to save bytes, cheapest first: along the lower convex hull of bytes and distortion of each slot or layer.</summary>
internal sealed class PrecisionSteps
{
    private readonly EnginePlan _plan;
    private readonly ExpertCosts _costs;
    private readonly IReadOnlyDictionary<Precision, double[][]>? _loss;
    private readonly double[][] _shares; // [layers][slots] part of all tokens that meets the slot
    private readonly IReadOnlyList<Precision> _precisions;

    public PrecisionSteps(EnginePlan plan, ExpertLoads loads, ExpertCosts costs, IReadOnlyList<Precision> precisions,
        IReadOnlyDictionary<Precision, double[][]>? loss)
    {
        (_plan, _costs, _loss, _precisions) = (plan, costs, loss, precisions);
        foreach (var precision in precisions)
            if (!costs.Has(precision) || (loss is not null && !loss.ContainsKey(precision)))
                throw new InvalidInputException("precisions", precision.Name(), "precisions whose bytes and distortion are known");
        _shares = new double[loads.Layers][];
        for (var l = 0; l < loads.Layers; l++)
        {
            var slots = DeviceLoads.SlotLoads(plan.SlotExperts[l], loads[l]);
            var total = slots.Sum();
            _shares[l] = Array.ConvertAll(slots, load => total > 0 ? load / total / loads.Layers : 0);
        }
    }

    public IEnumerable<PrecisionStep> Cheapest(PrecisionMix mix)
    {
        var steps = new List<PrecisionStep>();
        for (var l = 0; l < _shares.Length; l++)
            if (mix == PrecisionMix.PerLayer)
                AddHull(steps, l, 0, _shares[l].Length);
            else
                for (var s = 0; s < _shares[l].Length; s++)
                    AddHull(steps, l, s, 1);
        return steps.OrderBy(step => step.Price).ThenBy(step => step.Layer).ThenBy(step => step.FirstSlot);
    }

    private void AddHull(List<PrecisionStep> steps, int layer, int first, int slots)
    {
        var ladder = Ladder(layer, first, slots);
        var at = 0;
        while (at < ladder.Length - 1)
        {
            var best = default(PrecisionStep);
            var to = at;
            for (var next = at + 1; next < ladder.Length; next++)
            {
                var step = new PrecisionStep(layer, first, slots, ladder[next].Precision, ladder[at].Bytes - ladder[next].Bytes,
                    Math.Max(0, Distortion(layer, first, slots, ladder[next].Precision) - Distortion(layer, first, slots, ladder[at].Precision)));
                if (step.SavedBytes > 0 && (to == at || step.Price <= best.Price))
                    (best, to) = (step, next);
            }
            if (to == at)
                return;
            steps.Add(best);
            at = to;
        }
    }

    /// <summary>The checkpoint's own precision and those below it, by falling bytes of the run.</summary>
    private (Precision Precision, long Bytes)[] Ladder(int layer, int first, int slots)
    {
        var original = (_costs.Original, Bytes: Bytes(_costs.Original));
        return [original, .. _precisions.Distinct().Select(p => (p, Bytes: Bytes(p))).Where(p => p.Bytes < original.Bytes).OrderByDescending(p => p.Bytes)];

        long Bytes(Precision precision)
        {
            long sum = 0;
            foreach (var expert in _plan.SlotExperts[layer].AsSpan(first, slots))
                sum += _costs.Of(layer, expert, precision);
            return sum;
        }
    }

    private double Distortion(int layer, int first, int slots, Precision precision)
    {
        if (precision == _costs.Original)
            return 0;
        double sum = 0;
        if (_loss is null)
        {
            foreach (var share in _shares[layer].AsSpan(first, slots))
                sum += share * PrecisionAssignment.RelativeError(precision);
            return sum;
        }
        var copies = _plan.CopiesOf(layer);
        for (var s = first; s < first + slots; s++)
            sum += _loss[precision][layer][_plan.SlotExperts[layer][s]] / copies[_plan.SlotExperts[layer][s]];
        return sum;
    }
}
