using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Tests.Policies;

public sealed class QuantizePolicyTests
{
    private static readonly PlanRequest Request = new()
    {
        Model = new ModelFingerprint("synthetic_moe", [3], Experts: 6, TopK: 2, WeightsHash: null),
        Traces = [TraceOf(10, 20, 50, 30, 20, 40)],
        Costs = SyntheticTraffic.Costs,
        Devices = 2,
    };

    [Theory]
    [InlineData("cold", "0.5", "0 1 4")] // 1 before 4: ties go to the lower expert
    [InlineData("hot", "0.5", "2 3 5")]
    [InlineData("hot", "0.17", "2")]
    [InlineData("cold", "0", "")]
    [InlineData("cold", "1", "0 1 2 3 4 5")]
    public void Load_alone_decides(string experts, string share, string expected)
    {
        var plan = Plan(Request, experts, share);
        var slots = plan.Layers[0].Slots;
        Assert.Equal(6, slots.Count);
        Assert.Equal(expected, string.Join(' ', slots.Where(slot => slot.Precision == Precision.Int8).Select(slot => slot.Expert).Order()));
        Assert.Equal(1, plan.Forecast.StragglerRatio, 12);
    }

    [Fact]
    public void Cold_and_hot_halves_are_all_experts()
    {
        int[] Of(string experts) => [.. Plan(Request, experts, "0.5").Layers[0].Slots.Where(slot => slot.Precision == Precision.Int8).Select(slot => slot.Expert)];
        Assert.Equal(Enumerable.Range(0, 6), Of("cold").Concat(Of("hot")).Order());
    }

    [Fact]
    public void The_precision_is_the_first_of_the_requests() =>
        Assert.All(Plan(Request with { Precisions = [Precision.Int4, Precision.Int8] }, "cold", "1").Layers[0].Slots, slot => Assert.Equal(Precision.Int4, slot.Precision));

    [Fact]
    public void A_budget_that_is_not_reached_is_named()
    {
        var refused = Assert.Throws<InvalidInputException>(() => Plan(Request with { Budget = 0.2 }, "cold", "0.5"));
        Assert.StartsWith("budget: found 0.2, expected at least 0.", refused.Message);
    }

    private static Plan Plan(PlanRequest request, string experts, string share) =>
        PlanPolicies.Create("quantize", new Dictionary<string, string> { ["experts"] = experts, ["share"] = share }).Create(request);

    private static LoadTrace TraceOf(params long[] loads)
    {
        var window = new ExpertLoads(1, loads.Length);
        loads.CopyTo(window[0]);
        return new LoadTrace("calibration", [window]);
    }
}
