using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Tests.Forecast;

public sealed class LoadForecastTests
{
    private static Slot At(int expert, int device) => new(expert, Precision.Int8, device);

    [Fact]
    public void A_layer_by_hand()
    {
        // Loads 60, 20, 20, 0: expert 0 twice gives slots of 30, 30, 20, 20, 0 and devices of 50 and 50, or 30 + 20 and 30 + 20 + 0.
        var forecast = LoadForecast.Of([At(0, 0), At(1, 0), At(0, 1), At(2, 1), At(3, 1)], 2, [60, 20, 20, 0]);
        Assert.Equal(60 * 4 / 100.0, forecast.LisBefore, 12);
        Assert.Equal(30 * 5 / 100.0, forecast.Lis, 12);
        Assert.Equal(30 * 4 / 100.0, forecast.LisPaper, 12);
        Assert.Equal(2, forecast.StragglerRatio, 12);
        Assert.Equal(1, forecast.DeviceImbalanceEven, 12);
        Assert.Equal(1, forecast.DeviceImbalanceLeastLoaded, 12);
    }

    [Fact]
    public void The_least_loaded_split_moves_what_the_even_split_leaves()
    {
        // Even: 50 + 40 against 50. Least loaded: 70 against 70.
        var forecast = LoadForecast.Of([At(0, 0), At(1, 0), At(0, 1)], 2, [100, 40]);
        Assert.Equal(90 / 70.0, forecast.DeviceImbalanceEven, 12);
        Assert.Equal(1, forecast.DeviceImbalanceLeastLoaded, 12);
    }

    [Fact]
    public void A_device_without_slots_counts_in_the_mean() =>
        Assert.Equal(3, LoadForecast.Of([At(0, 0), At(1, 0)], 3, [10, 10]).DeviceImbalanceLeastLoaded, 12);

    [Fact]
    public void Loads_beyond_the_range_of_int_are_forecast_too()
    {
        var forecast = LoadForecast.Of([At(0, 0), At(1, 0), At(0, 1)], 2, [1_000_000_000_000, 400_000_000_000]);
        Assert.Equal(90 / 70.0, forecast.DeviceImbalanceEven, 12);
        Assert.Equal(1, forecast.DeviceImbalanceLeastLoaded, 6);
    }

    [Fact]
    public void Nothing_routed_is_balanced() =>
        Assert.Equal(new LayerForecast(1, 1, 1, 1, 1, 1), LoadForecast.Of([At(0, 0), At(1, 1)], 2, [0, 0]));

    [Fact]
    public void Loads_of_another_shape_are_refused()
    {
        var traffic = new SyntheticTraffic(layers: 2, experts: 8, topK: 2, domains: 1, skew: 1, seed: 1);
        var plan = PlanPolicies.Create("none").Create(traffic.Request(traffic.Record(1, 100).Calibration));
        Assert.Throws<ArgumentException>(() => LoadForecast.Of(plan, new ExpertLoads(2, 9)));
    }
}
