using Counterweight.Evaluation.Statistics;
using Counterweight.Evaluation.Studies;
using Counterweight.Evaluation.Studies.Importance;
using CsCheck;

namespace Counterweight.Evaluation.Tests.Studies;

public sealed class StatisticsOfStudiesTests
{
    [Fact]
    public void Holm_adjusts_as_in_a_worked_example() =>
        Assert.Equal([0.03, 0.06, 0.06, 0.02], TaskComparison.Holm([0.01, 0.04, 0.03, 0.005]), (a, b) => Math.Abs(a - b) < 1e-12);

    [Fact]
    public void Holm_rejects_what_its_definition_rejects() => Gen.Double[0, 1].Array[1, 12].Sample(pValues =>
    {
        const double Level = 0.05;
        var adjusted = TaskComparison.Holm(pValues);
        var sorted = pValues.Order().ToArray();
        var rejected = 0;
        while (rejected < sorted.Length && sorted[rejected] <= Level / (sorted.Length - rejected))
            rejected++;
        return adjusted.Count(p => p <= Level) == rejected && adjusted.Zip(pValues).All(pair => pair.First >= pair.Second && pair.First <= 1);
    });

    [Fact]
    public void Correlations_are_means_over_layers_inside_their_intervals()
    {
        double[][] loads = [[1, 2, 3, 4, 5, 6, 7, 8], [8, 1, 7, 2, 6, 3, 5, 4]];
        double[][] importance = [[1, 3, 2, 5, 4, 6, 8, 7], [8, 2, 7, 1, 5, 3, 6, 4]];
        var correlation = LoadCorrelation.Of(loads, importance, seed: 1, resamples: 400);
        Assert.Equal(loads.Zip(importance, (x, y) => RankCorrelation.Spearman(x, y)).Average(), correlation.Spearman, 12);
        Assert.Equal(loads.Zip(importance, (x, y) => RankCorrelation.Kendall(x, y)).Average(), correlation.Kendall, 12);
        Assert.InRange(correlation.Spearman, correlation.SpearmanLow, correlation.SpearmanHigh);
        Assert.InRange(correlation.Kendall, correlation.KendallLow, correlation.KendallHigh);
        Assert.Equal(correlation, LoadCorrelation.Of(loads, importance, seed: 1, resamples: 400));
    }
}
