using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Plans;
using CsCheck;

namespace Counterweight.Balancing.Tests.Forecast;

public sealed class DevicePlacementTests
{
    private sealed record Case(int Devices, int[] SlotExperts, PlacementGoal[] Goals);

    private static readonly Gen<Case> Cases =
        from devices in Gen.Int[2, 6]
        from experts in Gen.Int[1, 12]
        from copies in Gen.Int[1, devices].Array[experts]
        from goals in GoalsOf(experts).Array[1, 10]
        select new Case(devices, [.. copies.SelectMany((count, expert) => Enumerable.Repeat(expert, count))], goals);

    private static Gen<PlacementGoal> GoalsOf(int experts) =>
        from loads in Gen.OneOf(Gen.Double[0, 1], Gen.Const(0.0), Gen.Double[0, 1000]).Array[experts]
        from split in Gen.Enum<SplitModel>()
        from weight in Gen.Double[0.1, 2]
        select new PlacementGoal(loads, split, weight);

    [Fact]
    public void Devices_get_equal_counts_and_no_expert_twice_and_the_result_is_deterministic() => Cases.Sample(c =>
    {
        var devices = DevicePlacement.Place(c.SlotExperts, c.Devices, c.Goals);
        var counts = Enumerable.Range(0, c.Devices).Select(d => devices.Count(device => device == d)).ToArray();
        return counts.Max() - counts.Min() <= 1
            && devices.Zip(c.SlotExperts).Distinct().Count() == devices.Length
            && devices.SequenceEqual(DevicePlacement.Place(c.SlotExperts, c.Devices, c.Goals));
    });

    [Fact]
    public void More_copies_than_devices_are_spread_as_evenly_as_they_can()
    {
        var devices = DevicePlacement.Place([0, 0, 0, 0, 0, 1], 2, [new PlacementGoal([5, 1], SplitModel.Even)]);
        Assert.Equal(3, devices.Count(device => device == 0));
        Assert.InRange(devices[..5].Count(device => device == 0), 2, 3);
    }

    [Fact]
    public void The_cost_after_a_swap_is_that_of_the_swapped_placement_if_it_is_an_improvement() => Cases.Sample(c =>
    {
        var slots = new CopyCounts(c.SlotExperts, c.Goals[0].Loads.Count, c.Devices);
        var placement = new Placement(slots, PlacementStart.Deal(slots, c.Goals));
        var cost = new PlacementCost(placement, c.Goals);
        for (var a = 0; a < placement.DeviceOf.Length; a++)
            for (var b = a + 1; b < placement.DeviceOf.Length; b++)
            {
                if (!placement.CanSwap(a, b))
                    continue;
                var predicted = cost.AfterSwap(a, b);
                placement.Swap(a, b);
                var real = new PlacementCost(placement, c.Goals).Current;
                placement.Swap(a, b);
                if (predicted < cost.Current ? Math.Abs(real - predicted) > 1e-4 : real < cost.Current - 1e-4)
                    return false;
            }
        return true;
    }, iter: 50);

    [Fact]
    public void The_bound_of_the_least_loaded_split_is_what_whole_tokens_reach() => Cases.Sample(c =>
    {
        const int Scale = 1_000_000;
        var devices = DevicePlacement.Place(c.SlotExperts, c.Devices, c.Goals);
        long[] tokens = [.. c.Goals[0].Loads.Select(load => (long)(load * Scale))];
        var slots = new CopyCounts(c.SlotExperts, tokens.Length, c.Devices);
        // Padding sits where a device is short of a slot.
        var free = Enumerable.Range(0, c.Devices).Where(d => devices.Count(device => device == d) < slots.PerDevice).ToArray();
        var bound = new LeastLoadedBound(new Placement(slots, [.. devices, .. free]), [c.Goals[0]]);
        bound.Refresh();
        Slot[] placed = [.. c.SlotExperts.Select((expert, s) => new Slot(expert, Precision.Int8, devices[s]))];
        var reached = LoadForecast.Of(placed, c.Devices, tokens).DeviceImbalanceLeastLoaded;
        // A few whole tokens are far from any real-valued optimum.
        return tokens.Sum() < 100_000 || Math.Abs(Math.Max(1, bound.Maxima()[0]) - reached) < 1e-3;
    });

    [Theory]
    [InlineData(SplitModel.Even)]
    [InlineData(SplitModel.LeastLoaded)]
    public void A_perfect_partition_is_found(SplitModel split)
    {
        // Single copies in pairs that sum to 100 on four devices.
        double[] loads = [90, 10, 80, 20, 70, 30, 55, 45];
        var devices = DevicePlacement.Place([0, 1, 2, 3, 4, 5, 6, 7], 4, [new PlacementGoal(loads, split)]);
        for (var d = 0; d < 4; d++)
            Assert.Equal(100, devices.Select((device, s) => device == d ? loads[s] : 0).Sum());
    }

    [Fact]
    public void Two_kinds_of_traffic_are_balanced_together()
    {
        // Experts 0-3 are hot in one trace, 4-7 in the other: each device needs one of either.
        PlacementGoal[] goals = [new([1, 1, 1, 1, 0, 0, 0, 0], SplitModel.Even), new([0, 0, 0, 0, 1, 1, 1, 1], SplitModel.LeastLoaded)];
        var devices = DevicePlacement.Place([0, 1, 2, 3, 4, 5, 6, 7], 4, goals);
        Assert.Equal(4, devices[..4].Distinct().Count());
        Assert.Equal(4, devices[4..].Distinct().Count());
    }

    [Fact]
    public void More_devices_than_the_exact_bound_takes_still_work()
    {
        var random = new Random(3);
        int[] experts = [.. Enumerable.Range(0, 96).Select(s => s % 64)];
        PlacementGoal[] goals = [new([.. Enumerable.Range(0, 64).Select(_ => random.NextDouble())], SplitModel.LeastLoaded)];
        var devices = DevicePlacement.Place(experts, 32, goals);
        Assert.All(Enumerable.Range(0, 32), d => Assert.Equal(3, devices.Count(device => device == d)));
    }
}
