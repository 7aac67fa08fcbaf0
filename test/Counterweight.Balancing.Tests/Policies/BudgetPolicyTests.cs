using Counterweight.Balancing.Forecast;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using CsCheck;

namespace Counterweight.Balancing.Tests.Policies;

public sealed class BudgetPolicyTests
{
    private static readonly SyntheticTraffic Traffic = new(layers: 6, experts: 32, topK: 4, domains: 7, skew: 0.9, seed: 11);

    private static readonly (LoadTrace[] Calibration, LoadTrace[] Serving) Traces = Traffic.Record(windows: 8, tokens: 2000);

    private static readonly PlanRequest Request = Traffic.Request(Traces.Calibration);

    private static Plan Plan(PlanRequest request) => PlanPolicies.Create("budget").Create(request);

    private static ExpertLoads Sum(LoadTrace[] traces) => ExpertLoads.Sum([.. traces.Select(trace => trace.Total)]);

    [Fact]
    public void Seven_domains_are_balanced_together_and_alone_on_traffic_that_was_not_planned_for()
    {
        var plan = Plan(Request);
        Assert.True(plan.Budget.PlannedBytes <= plan.Budget.OriginalBytes);
        Assert.True(plan.Forecast.Loss <= Request.MaxLoss);
        Assert.True(LoadForecast.Of(plan, Sum(Traces.Serving)).Average(layer => layer.StragglerRatio) >= 2.5);
        var alone = Traces.Serving.Average(trace => LoadForecast.Of(plan, trace.Total).Average(layer => layer.DeviceImbalanceLeastLoaded));
        Assert.InRange(alone, 1, 1.25);
    }

    [Fact]
    public void Four_devices_are_balanced_on_mixed_traffic()
    {
        var layers = LoadForecast.Of(Plan(Request with { Devices = 4 }), Sum(Traces.Serving));
        Assert.InRange(layers.Average(layer => layer.DeviceImbalanceEven), 1, 1.05);
        Assert.InRange(layers.Average(layer => layer.DeviceImbalanceLeastLoaded), 1, 1.02);
    }

    [Fact]
    public void The_loss_limit_trades_slots_for_bits()
    {
        var (slots, loss) = (0, 0.0);
        foreach (var limit in new[] { 0.0003, 0.001, 0.0025, 0.01 })
        {
            var plan = Plan(Request with { MaxLoss = limit });
            Assert.True(plan.Forecast.Loss <= limit);
            Assert.True(plan.Forecast.Loss >= loss && plan.Layers.Sum(layer => layer.Slots.Count) >= slots);
            (slots, loss) = (plan.Layers.Sum(layer => layer.Slots.Count), plan.Forecast.Loss!.Value);
        }
    }

    // Bytes are the subject, so the loss limit is one that the smallest budget can meet.
    [Fact]
    public void Bytes_that_are_left_over_are_less_than_any_useful_upgrade() => Gen.Double[0.4, 1.5].Sample(budget =>
    {
        var plan = Plan(Request with { Budget = budget, MaxLoss = 0.0025 });
        var left = (long)(budget * plan.Budget.OriginalBytes) - plan.Budget.PlannedBytes;
        var canUpgrade = plan.Layers.Any(layer => layer.Slots.Any(slot => slot.Precision == Precision.Int4));
        return left >= 0 && (!canUpgrade || left < 56064 - 31104);
    }, iter: 15);

    // Every way to give each of four experts one copy in one of two precisions, against the policy without replicas.
    [Fact]
    public void Without_replicas_the_precisions_are_close_to_the_best_of_all() => Gen.Select(Gen.Double[0, 1].Array[4], Gen.Double[0.35, 0.5]).Sample((losses, budget) =>
    {
        var window = new ExpertLoads(1, 4);
        window[0].Fill(10);
        var request = new PlanRequest
        {
            Model = new ModelFingerprint("synthetic_moe", [0], Experts: 4, TopK: 1, WeightsHash: null),
            Traces = [new LoadTrace("all", [window])],
            Costs = SyntheticTraffic.Costs,
            Importance = new ExpertImportance([[0, 0, 0, 0]], [[0, 0, 0, 0]], new Dictionary<Precision, double[][]>
            {
                [Precision.Int8] = [[0, 0, 0, 0]],
                [Precision.Int4] = [losses],
            }, GateShare: null),
            Budget = budget,
            MaxLoss = 10,
        };
        var limit = (long)(budget * 4 * 110592);
        var best = Enumerable.Range(0, 16).Where(set => int.PopCount(set) * 56064 + (4 - int.PopCount(set)) * 31104 <= limit)
            .Min(set => losses.Where((_, e) => (set >> e & 1) == 0).Sum());
        var plan = PlanPolicies.Create("budget", new Dictionary<string, string> { ["max-copies"] = "1" }).Create(request);
        return Math.Abs(plan.Forecast.Loss!.Value - best) < 1e-12;
    });

    [Fact]
    public void The_hot_expert_of_one_domain_gets_copies_even_if_the_mixture_hides_it()
    {
        // Expert 0 takes half of a rare domain's tokens: on four devices one copy would carry twice the mean.
        var (common, rare) = (new ExpertLoads(1, 16), new ExpertLoads(1, 16));
        common[0].Fill(100_000);
        rare[0].Fill(100);
        rare[0][0] = 1500;
        var request = Request with
        {
            Model = Traffic.Model with { MoeLayers = [0], Experts = 16 },
            Traces = [new LoadTrace("common", [common]), new LoadTrace("rare", [rare])],
            Importance = null,
            Precisions = [Precision.Bf16],
            Budget = 1.25,
            Devices = 4,
        };
        Assert.InRange(Plan(request).Layers[0].Slots.Count(slot => slot.Expert == 0), 2, 4);
    }

    [Fact]
    public void Limits_that_cannot_be_met_are_named()
    {
        var bytes = Assert.Throws<InvalidInputException>(() => Plan(Request with { Budget = 0.2 }));
        Assert.Equal("budget: found 0.2, expected at least 0.2813: one copy of each expert in the smallest precision", bytes.Message);
        var loss = Assert.Throws<InvalidInputException>(() => Plan(Request with { MaxLoss = 1e-6 }));
        Assert.Equal("max loss", loss.Where);
        var reachable = double.Parse(loss.Expected.Split(' ', ':')[2], System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(Plan(Request with { MaxLoss = reachable * 1.01 }).Forecast.Loss <= reachable * 1.01);
        Assert.Equal("importance", Assert.Throws<InvalidInputException>(() => Plan(Request with { Importance = null })).Where);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.2)]
    public void A_loss_limit_of_zero_keeps_the_checkpoints_precision(double budget)
    {
        var plan = Plan(Request with { MaxLoss = 0, Budget = budget, Precisions = [Precision.Int4, Precision.Int8, Precision.Bf16] });
        Assert.Equal(0, plan.Forecast.Loss);
        Assert.Equal((int)(32 * 6 * budget), plan.Layers.Sum(layer => layer.Slots.Count(slot => slot.Precision == Precision.Bf16)));
    }

    [Fact]
    public void One_device_is_planned_by_slots_alone()
    {
        var plan = Plan(Request with { Devices = 1 });
        Assert.All(plan.Layers, layer => Assert.All(layer.Slots, slot => Assert.Equal(0, slot.Device)));
        Assert.True(plan.Forecast.StragglerRatio >= 2.5);
    }
}
