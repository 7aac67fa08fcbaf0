using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using CsCheck;

namespace Counterweight.Balancing.Tests.Policies;

/// <summary>What every policy owes every request.</summary>
public sealed class PlanPolicyTests
{
    // Shapes, skews, dead experts and layers, ties, loads up to the limit of the file format.
    private static readonly Gen<PlanRequest> Requests =
        from layers in Gen.Int[1, 4]
        from experts in Gen.Int[4, 20]
        from domains in Gen.Int[1, 4]
        from skew in Gen.OneOf(Gen.Const(0.0), Gen.Const(0.5), Gen.Const(1.0), Gen.Const(2.0))
        from tokens in Gen.OneOf(Gen.Const(0), Gen.Const(3), Gen.Const(1000), Gen.Const(1_000_000_000))
        from devices in Gen.Int[2, 9]
        from seed in Gen.Int[1, 1000]
        from lossOfInt4 in Gen.OneOf(Gen.Const(0.0), Gen.Const(0.001), Gen.Const(0.0043), Gen.Const(0.02))
        select RequestOf(layers, experts, domains, skew, tokens, devices, seed, lossOfInt4);

    private static PlanRequest RequestOf(
        int layers, int experts, int domains, double skew, int tokens, int devices, int seed, double lossOfInt4)
    {
        var traffic = new SyntheticTraffic(layers, experts, topK: 2, domains, skew, seed);
        return traffic.Request(traffic.Record(windows: 2, tokens).Calibration, lossOfInt4) with { Devices = devices, Seed = (ulong)seed };
    }

    private static ExpertLoads Total(PlanRequest request) => ExpertLoads.Sum([.. request.Traces.Select(trace => trace.Total)]);

    private static byte[] Bytes(Plan plan)
    {
        using var stream = new MemoryStream();
        PlanFile.Write(plan, stream);
        return stream.ToArray();
    }

    // The writer refuses a plan without full coverage, with a duplicate on a device or with bytes above its limit.
    [Theory]
    [InlineData("none")]
    [InlineData("paper")]
    [InlineData("budget")]
    [InlineData("quantize")]
    public void Plans_are_valid_keep_the_budget_and_come_out_the_same_again(string policy) => Requests.Sample(request =>
    {
        var plan = PlanPolicies.Create(policy).Create(request);
        PlanValidator.CheckBytes(plan, request.Costs);
        PlanValidator.CheckFits(plan, request.Model);
        return plan.Budget.PlannedBytes <= request.Budget * plan.Budget.OriginalBytes
            && Bytes(plan).AsSpan().SequenceEqual(Bytes(PlanPolicies.Create(policy).Create(request)));
    }, iter: 60);

    // A checkpoint in block formats: bytes differ by layer and expert, int4 is below all of them, int8 only below some.
    [Theory]
    [InlineData("none")]
    [InlineData("paper")]
    [InlineData("budget")]
    public void Bytes_that_differ_by_layer_and_expert_are_counted_one_by_one(string policy) =>
        Requests.Sample(request => CountsEveryByte(policy, request), iter: 40);

    [Fact]
    public void Slots_of_a_policy_that_knows_no_precisions_are_paid_for_one_by_one() =>
        Assert.True(CountsEveryByte("eplb", RequestOf(layers: 3, experts: 16, domains: 2, skew: 1, tokens: 1000, devices: 4, seed: 5, lossOfInt4: 0.0043)));

    private static bool CountsEveryByte(string policy, PlanRequest request)
    {
        var random = new Random((int)request.Seed);
        long[][] stored = [.. request.Model.MoeLayers.Select(_ => Enumerable.Range(0, request.Model.Experts).Select(_ => (long)random.Next(45_000, 70_000)).ToArray())];
        long[][] Same(long bytes) => [[bytes]];
        var costs = new ExpertCosts(Precision.Stored, new Dictionary<Precision, long[][]>
        {
            [Precision.Stored] = stored,
            [Precision.Int8] = Same(56064),
            [Precision.Int4] = Same(31104),
        });
        var plan = PlanPolicies.Create(policy).Create(request with { Costs = costs, MaxLoss = 10, Precisions = policy == "paper" ? [Precision.Int4] : null });
        PlanValidator.CheckBytes(plan, costs);
        var planned = plan.Layers.Select((layer, l) => layer.Slots.Sum(slot => slot.Precision switch
        {
            Precision.Stored => stored[l][slot.Expert],
            Precision.Int8 => 56064,
            _ => 31104,
        })).Sum();
        return (plan.Budget.OriginalBytes, plan.Budget.PlannedBytes) == (stored.Sum(layer => layer.Sum()), planned) && planned <= plan.Budget.OriginalBytes;
    }

    [Theory]
    [InlineData("paper")]
    [InlineData("budget")]
    [InlineData("quantize")]
    public void The_busiest_slot_never_gets_busier(string policy) => Requests.Sample(request =>
        LoadForecast.Of(PlanPolicies.Create(policy).Create(request), Total(request)).All(layer => layer.StragglerRatio >= 1), iter: 60);

    [Fact]
    public void Forecasts_are_those_of_the_calibration_loads()
    {
        var request = RequestOf(layers: 3, experts: 16, domains: 2, skew: 1, tokens: 1000, devices: 4, seed: 5, lossOfInt4: 0.0043);
        var plan = PlanPolicies.Create("budget").Create(request);
        var layers = LoadForecast.Of(plan, Total(request));
        Assert.Equal(layers.Average(layer => layer.Lis), plan.Forecast.Lis, 12);
        Assert.Equal(layers.Average(layer => layer.StragglerRatio), plan.Forecast.StragglerRatio, 12);
        Assert.Equal(layers.Average(layer => layer.DeviceImbalanceEven), plan.Forecast.DeviceImbalance, 12);
    }

    [Fact]
    public void No_plan_is_the_model_as_it_is()
    {
        var request = RequestOf(layers: 2, experts: 12, domains: 1, skew: 1, tokens: 100, devices: 5, seed: 1, lossOfInt4: 0.0043);
        var plan = PlanPolicies.Create("none").Create(request with { Budget = 0.5 });
        Assert.Equal(plan.Budget.OriginalBytes, plan.Budget.PlannedBytes);
        Assert.Equal(0, plan.Forecast.Loss);
        Assert.Equal([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4], plan.Layers[1].Slots.Select(slot => slot.Device));
        Assert.Equal(Enumerable.Range(0, 12), plan.Layers[1].Slots.Select(slot => slot.Expert));
    }

    public static TheoryData<string, Func<PlanRequest, PlanRequest>, string> BadRequests => new()
    {
        { "budget", request => request with { Budget = 0.05 }, "budget: found 0.05, expected 0.1 to 16" },
        { "budget", request => request with { MaxLoss = double.NaN }, "max loss: found NaN, expected 0 to 10" },
        { "paper", request => request with { Devices = 0 }, "devices: found 0, expected 1 to 1024" },
        { "none", request => request with { Traces = [] }, "loads: found no trace, expected at least one" },
        { "budget", request => request with { Precisions = [] }, "precisions: found none, expected at least one" },
        {
            "budget", request => request with { Precisions = [Precision.Fp8] },
            "precisions: found fp8, expected precisions that experts can be stored in: fp32, bf16, int8, llm.int8, int4"
        },
        {
            "none", request => request with { Traces = [new LoadTrace("short", [new ExpertLoads(1, 4)])] },
            "loads of trace \"short\": found 1 layers x 4 experts, expected 2 MoE layers x 12 experts"
        },
        {
            "paper", request => request with { Importance = request.Importance! with { WandaTop = [] } },
            "importance: WandaTop: found another shape, expected 2 MoE layers x 12 experts"
        },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void A_request_out_of_range_is_refused(string policy, Func<PlanRequest, PlanRequest> change, string message)
    {
        var request = RequestOf(layers: 2, experts: 12, domains: 1, skew: 1, tokens: 100, devices: 5, seed: 1, lossOfInt4: 0.0043);
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => PlanPolicies.Create(policy).Create(change(request))).Message);
    }

    [Theory]
    [InlineData("best", "", "", "policy: found \"best\", expected one of none, paper, budget, eplb, robust, quantize")]
    [InlineData("none", "replicas", "1", "policy none: found unknown option \"replicas\", expected no options")]
    [InlineData("budget", "max-copies", "-1", "policy budget: option max-copies: found \"-1\", expected an integer from 0 to 1024")]
    [InlineData("budget", "slot-weight", "much", "policy budget: option slot-weight: found \"much\", expected a number from 0 to 1")]
    [InlineData("budget", "weight", "1", "policy budget: found unknown option \"weight\", expected only max-copies, slot-weight, unseen-share")]
    [InlineData("paper", "collision", "skip", "policy paper: option collision: found \"skip\", expected one of next, quantize")]
    public void Unknown_policies_and_options_are_refused_by_name(string policy, string option, string value, string message)
    {
        var options = new Dictionary<string, string>();
        if (option.Length > 0)
            options[option] = value;
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => PlanPolicies.Create(policy, options)).Message);
    }
}
