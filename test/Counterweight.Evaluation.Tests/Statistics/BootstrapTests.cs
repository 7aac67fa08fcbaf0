using Counterweight.Evaluation.Statistics;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tests.Statistics;

public sealed class BootstrapTests
{
    [Fact]
    public void Same_seed_gives_the_same_interval_and_another_seed_nearly_the_same()
    {
        var values = Values(200);
        var first = Bootstrap.MeanInterval(values, seed: 1);
        Assert.Equal(first, Bootstrap.MeanInterval(values, seed: 1));
        var second = Bootstrap.MeanInterval(values, seed: 2);
        Assert.NotEqual(first, second);
        Assert.Equal(first.Low, second.Low, 0.01);
        Assert.Equal(first.High, second.High, 0.01);
    }

    [Fact]
    public void Interval_of_a_mean_is_near_the_normal_one()
    {
        var values = Values(400);
        var mean = values.Average();
        var error = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / values.Length / values.Length);
        var (low, high) = Bootstrap.MeanInterval(values, seed: 3);
        Assert.Equal(mean - 1.96 * error, low, 0.1 * error);
        Assert.Equal(mean + 1.96 * error, high, 0.1 * error);
        var narrow = Bootstrap.MeanInterval(values, seed: 3, confidence: 0.5);
        Assert.True(low < narrow.Low && narrow.High < high);
    }

    [Fact]
    public void Any_statistic_can_be_resampled()
    {
        var (low, high) = Bootstrap.Interval(5, drawn => drawn.ToArray().Distinct().Count(), seed: 1, resamples: 1000);
        Assert.InRange(low, 1, 3);
        Assert.InRange(high, 4, 5);
    }

    [Fact]
    public void Equal_values_have_no_width() => Assert.Equal((2.5, 2.5), Bootstrap.MeanInterval([2.5, 2.5, 2.5], seed: 1, resamples: 100));

    [Fact]
    public void Arguments_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanInterval([], seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanInterval([1], seed: 1, confidence: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanInterval([1], seed: 1, resamples: 0));
    }

    private static double[] Values(int count)
    {
        var random = new PythonRandom(99);
        return [.. Enumerable.Range(0, count).Select(_ => random.Below(1000) / 1000.0)];
    }
}
