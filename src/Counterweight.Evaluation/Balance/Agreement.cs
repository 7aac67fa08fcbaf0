using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Evaluation.Reports;
using Counterweight.Evaluation.Statistics;

namespace Counterweight.Evaluation.Balance;

/// <summary>Rank agreement of loads and importance estimates.</summary>
internal static class Agreement
{
    /// <summary>The importance estimates by name, [layers][experts].</summary>
    public static IReadOnlyDictionary<string, double[][]> Estimators(ExpertImportance importance)
    {
        var estimators = new Dictionary<string, double[][]> { ["wandaBottom"] = importance.WandaBottom, ["wandaTop"] = importance.WandaTop };
        if (importance.WandaTopFraction is { } fraction)
            estimators["wandaTopFraction"] = fraction;
        foreach (var (precision, loss) in importance.Loss)
            estimators[$"distortion.{precision.Name()}"] = loss;
        return estimators;
    }

    /// <summary>Spearman's ρ of load and estimate, mean over layers.</summary>
    public static IReadOnlyDictionary<string, double> WithLoad(ExpertLoads loads, ExpertImportance importance) =>
        Estimators(importance).ToDictionary(entry => entry.Key, entry => MeanSpearman(Rows(loads), entry.Value));

    /// <summary>A tenth of the text against all of it.</summary>
    public static TenthAgreement OfTenth(long tokens, ExpertLoads tenth, ExpertLoads full, ExpertImportance fromTenth, ExpertImportance fromFull)
    {
        var heavy = Enumerable.Range(0, full.Layers).Count(layer => HeavyHitter(tenth, layer) == HeavyHitter(full, layer));
        var estimators = Estimators(fromFull);
        return new TenthAgreement(tokens, (double)heavy / full.Layers, MeanSpearman(Rows(tenth), Rows(full)),
            Estimators(fromTenth).ToDictionary(entry => entry.Key, entry => MeanSpearman(entry.Value, estimators[entry.Key])));
    }

    /// <summary>The busiest expert of a layer; ties go to the lower one.</summary>
    public static int HeavyHitter(ExpertLoads loads, int layer)
    {
        var row = loads[layer].ToArray();
        return Array.IndexOf(row, row.Max());
    }

    /// <summary>Spearman's ρ by layer, mean over layers.</summary>
    public static double MeanSpearman(double[][] x, double[][] y) => x.Zip(y, (a, b) => RankCorrelation.Spearman(a, b)).Average();

    /// <summary>[layers][experts].</summary>
    public static double[][] Rows(ExpertLoads loads) =>
        [.. Enumerable.Range(0, loads.Layers).Select(layer => Array.ConvertAll(loads[layer].ToArray(), count => (double)count))];
}
