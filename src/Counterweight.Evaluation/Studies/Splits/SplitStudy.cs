using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;
using Counterweight.Evaluation.Studies.Policies;

namespace Counterweight.Evaluation.Studies.Splits;

/// <summary>Which copy of an expert should a token go to? The paper leaves it open.</summary>
internal sealed class SplitStudy : IStudy
{
    public string Name => "splits";

    public string Title => "Split policies: which copy a token goes to";

    public string Method =>
        "The paper does not say how tokens are shared between an expert and its copy. The same plans, so the same bytes, with four ways to do it: equal quotas in token order (even), equal quotas with the largest gate weights for the best precision (by-gate), "
        + "quotas that keep the busiest device lowest within each pass (least-loaded), and the same filled by gate weight (least-loaded-by-gate). Plans are made from calibration text by the policies paper and budget. "
        + "Device imbalance is what the slots really got, max over mean, mean over passes and layers. Loss is compared document by document, accuracy sample by sample, with the model as it is and with the even split.";

    public StudyResult Run(StudyContext context, CancellationToken cancellation)
    {
        var measurement = new VariantMeasurement(context);
        var request = context.Request(cancellation);
        var (raw, planned) = (PolicyVariants.Unchanged(context), Planned(context).Select(variant => (variant, Plan: variant.Create(request))).ToArray());
        var groups = new List<(string Policy, IReadOnlyList<MeasuredVariant> Splits)>();
        using var work = context.Progress.Begin("Measuring splits", 1 + planned.Length * SplitPolicies.Names.Count);
        try
        {
            var original = Measured(raw, raw.Create(request));
            foreach (var (variant, plan) in planned)
                groups.Add((variant.Name, [.. SplitPolicies.Names.Select(split => Measured(variant with { Split = split }, plan))]));
            var tables = new SplitTables(original, groups);
            return new StudyResult(tables.Findings(), [tables.Splits, tables.Tasks]) { Charts = [.. tables.Charts()] };
        }
        finally
        {
            context.LoadOriginal();
        }

        MeasuredVariant Measured(PolicyVariant variant, Plan plan)
        {
            var measured = measurement.Measure(variant, plan, cancellation);
            work.Advance(1);
            return measured;
        }
    }

    private static IEnumerable<PolicyVariant> Planned(StudyContext context) =>
        [new("paper", "paper", [context.LowPrecision]), new("budget", "budget", [Precision.Int8, Precision.Int4])];
}
