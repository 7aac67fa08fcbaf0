using Counterweight.Balancing.Policies;
using Counterweight.Evaluation.Balance;

namespace Counterweight.Evaluation.Studies.Importance;

/// <summary>An importance estimate, turned so that more is more important, [MoE layers][experts].</summary>
internal sealed record Estimator(string Name, double[][] Importance)
{
    public const string Removal = "removalLoss";

    /// <summary>All estimates of a calibration, and the true removal loss if it was measured.</summary>
    public static IReadOnlyList<Estimator> All(ExpertImportance importance, double[][]? removal) =>
    [
        // The paper takes the largest Wanda mean for the least important expert.
        .. Agreement.Estimators(importance).Select(entry => new Estimator(entry.Key, entry.Key.StartsWith("wanda", StringComparison.Ordinal) ? Negated(entry.Value) : entry.Value)),
        .. removal is null ? Array.Empty<Estimator>() : [new Estimator(Removal, removal)],
    ];

    /// <summary>The least important expert of a layer; ties go to the lower one.</summary>
    public int Least(int layer) => Array.IndexOf(Importance[layer], Importance[layer].Min());

    private static double[][] Negated(double[][] values) => [.. values.Select(layer => layer.Select(value => -value).ToArray())];
}
