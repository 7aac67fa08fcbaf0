using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies.Budget;

namespace Counterweight.Balancing.Policies;

/// <summary>What holding all experts of a model in a lower precision frees.</summary>
/// <param name="Precision">The precision.</param>
/// <param name="Bytes">Expert bytes of the model as it is, less those in this precision.</param>
/// <param name="ReplicasPerLayer">Further copies in this precision that every MoE layer has room for in what it frees itself.</param>
public sealed record FreedBytes(Precision Precision, long Bytes, int ReplicasPerLayer);

/// <summary>What balancing could do to a model without a byte more than it has, as far as bytes say: what lower precisions cost in quality is for calibration to measure.</summary>
public static class EqualBytes
{
    private static readonly Precision[] Integers = [Precision.Int8, Precision.Int4];

    /// <summary>What int8 and int4 free, those of the two that do.</summary>
    public static IReadOnlyList<FreedBytes> Freed(ExpertCosts costs, ModelFingerprint model) =>
        [.. costs.CheaperThanOriginal(model, Integers).Select(precision => new FreedBytes(
            precision, costs.OriginalBytes(model) - costs.Total(model, precision), Enumerable.Range(0, model.MoeLayers.Count).Min(layer => Replicas(costs, model, layer, precision))))];

    /// <summary>The plans of the policy <c>budget</c> on given loads, one for each precision that frees bytes.</summary>
    /// <param name="costs">Bytes of the experts.</param>
    /// <param name="model">The model.</param>
    /// <param name="traces">Its traffic, at least one trace.</param>
    /// <returns>Plans whose copies are all in one precision, or in it and the original where that is a format of the checkpoint's own.</returns>
    /// <exception cref="InvalidInputException">The traces have another shape.</exception>
    public static IReadOnlyList<(Precision Precision, Plan Plan)> Plans(ExpertCosts costs, ModelFingerprint model, IReadOnlyList<LoadTrace> traces) =>
        [.. costs.CheaperThanOriginal(model, Integers).Select(precision => (precision, new BudgetPolicy(new BudgetPolicyOptions()).Create(new PlanRequest
        {
            Model = model,
            Traces = traces,
            Costs = costs,
            Importance = WithoutLoss(model, precision),
            Precisions = costs.Original == Precision.Stored ? [Precision.Stored, precision] : [precision],
        })))];

    private static int Replicas(ExpertCosts costs, ModelFingerprint model, int layer, Precision precision)
    {
        var experts = Enumerable.Range(0, model.Experts);
        var freed = experts.Sum(expert => costs.Of(layer, expert, costs.Original) - costs.Of(layer, expert, precision));
        return (int)Math.Max(0, freed / experts.Max(expert => costs.Of(layer, expert, precision)));
    }

    private static ExpertImportance WithoutLoss(ModelFingerprint model, Precision precision)
    {
        double[][] zeros = [.. model.MoeLayers.Select(_ => new double[model.Experts])];
        return new ExpertImportance(zeros, zeros, new Dictionary<Precision, double[][]> { [precision] = zeros }, null);
    }
}
