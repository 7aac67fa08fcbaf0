using Counterweight.Balancing;
using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Evaluation.Studies.CalibrationSize;

/// <summary>What a plan makes of loads that it was not made from: mean over layers, copies of an expert sharing its tokens evenly.</summary>
/// <param name="Lis">LIS over slots.</param>
/// <param name="Straggler">Busiest slot before / after.</param>
internal readonly record struct PlanScore(double Lis, double Straggler)
{
    public static PlanScore Unknown => new(double.NaN, double.NaN);
}

/// <summary>Makes plans from estimates and scores them on unseen loads.</summary>
internal sealed class PlanCheck(PlanRequest full)
{
    /// <summary>Makes a plan from what less or other text tells; unknown where the policy finds none within its limits.</summary>
    public PlanScore Score(string policy, IReadOnlyList<LoadTrace> traces, ExpertImportance importance, ExpertLoads unseen)
    {
        try
        {
            var plan = PlanPolicies.Create(policy).Create(full with { Traces = traces, Importance = importance });
            return Of(plan, unseen);
        }
        catch (InvalidInputException)
        {
            return PlanScore.Unknown;
        }
    }

    private static PlanScore Of(Plan plan, ExpertLoads loads)
    {
        var layers = LoadForecast.Of(plan, loads);
        return new PlanScore(layers.Average(layer => layer.Lis), layers.Average(layer => layer.StragglerRatio));
    }
}
