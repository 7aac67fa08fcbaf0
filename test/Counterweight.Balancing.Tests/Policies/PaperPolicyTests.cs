using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;

namespace Counterweight.Balancing.Tests.Policies;

public sealed class PaperPolicyTests
{
    // One layer of six experts; by wanda-top expert 4 is the least important one, then 1, then 0.
    private static readonly PlanRequest Request = new()
    {
        Model = new ModelFingerprint("synthetic_moe", [7], Experts: 6, TopK: 2, WeightsHash: null),
        Traces = [TraceOf(10, 20, 50, 30, 20, 40)],
        Costs = SyntheticTraffic.Costs,
        Importance = new ExpertImportance(
            WandaBottom: [[0, 9, 1, 1, 1, 1]],
            WandaTop: [[7, 8, 1, 2, 9, 3]],
            Loss: new Dictionary<Precision, double[][]> { [Precision.Int8] = [[5, 4, 3, 1, 6, 2]], [Precision.LlmInt8] = [[1, 2, 3, 4, 5, 6]] },
            GateShare: null),
        Devices = 3,
    };

    private static LoadTrace TraceOf(params long[] loads)
    {
        var window = new ExpertLoads(1, loads.Length);
        loads.CopyTo(window[0]);
        return new LoadTrace("calibration", [window]);
    }

    private static Plan Plan(PlanRequest request, params (string Name, string Value)[] options) =>
        PlanPolicies.Create("paper", options.ToDictionary(o => o.Name, o => o.Value)).Create(request);

    private static string Copies(Plan plan) => string.Join(' ', plan.Layers[0].Slots
        .OrderBy(slot => slot.Expert).ThenBy(slot => slot.Precision).Select(slot => $"{slot.Expert}:{slot.Precision.Name()}"));

    [Fact]
    public void Algorithm_3_replicates_the_heavy_hitter_in_llm_int8_and_quantizes_the_least_important()
    {
        var plan = Plan(Request with { Budget = 1.01 });
        Assert.Equal("0:bf16 1:bf16 2:bf16 2:llm.int8 3:bf16 4:llm.int8 5:bf16", Copies(plan));
        Assert.Equal(5 * 110592 + 2 * 56832, plan.Budget.PlannedBytes);
        Assert.Equal(7, plan.Layers[0].Layer);
        // Half of the heavy hitter's gate weight and all of expert 4's.
        Assert.Equal(3 / 2.0 + 5, plan.Forecast.Loss!.Value, 12);
        Assert.Equal(50 / 40.0, plan.Forecast.StragglerRatio, 12);
    }

    [Fact]
    public void Scales_are_paid_for_by_one_more_quantized_expert()
    {
        var plan = Plan(Request);
        Assert.Equal("0:bf16 1:llm.int8 2:bf16 2:llm.int8 3:bf16 4:llm.int8 5:bf16", Copies(plan));
        Assert.True(plan.Budget.PlannedBytes <= plan.Budget.OriginalBytes);
    }

    [Theory]
    [InlineData("wanda-bottom", "1")]
    [InlineData("distortion", "3")]
    [InlineData("heavy-hitter", "5")] // 2 is replicated
    public void Importance_readings_pick_their_expert(string reading, string expert) =>
        Assert.Contains($"{expert}:int8", Copies(Plan(Request with { Precisions = [Precision.Int8], Budget = 1.02 }, ("importance", reading))));

    [Fact]
    public void Random_picks_depend_on_the_seed_alone()
    {
        string Pick(ulong seed) => Copies(Plan(Request with { Seed = seed, Budget = 1.01, Importance = null }, ("importance", "random")));
        Assert.Equal(Pick(3), Pick(3));
        Assert.True(Enumerable.Range(0, 20).Select(seed => Pick((ulong)seed)).Distinct().Count() > 2);
    }

    [Fact]
    public void A_least_important_heavy_hitter_stays_unless_told_otherwise()
    {
        var heavy = Request with { Traces = [TraceOf(10, 20, 30, 30, 50, 40)], Budget = 1.01 };
        Assert.Equal("0:bf16 1:llm.int8 2:bf16 3:bf16 4:bf16 4:llm.int8 5:bf16", Copies(Plan(heavy)));
        Assert.Equal("0:bf16 1:bf16 2:bf16 3:bf16 4:llm.int8 4:llm.int8 5:bf16", Copies(Plan(heavy, ("collision", "quantize"))));
    }

    [Fact]
    public void Two_replicas_go_to_two_experts_or_by_load_per_copy()
    {
        var very = Request with { Traces = [TraceOf(10, 20, 95, 30, 20, 40)], Budget = 2 };
        Assert.Equal("0:bf16 1:bf16 2:bf16 2:llm.int8 3:bf16 4:llm.int8 5:bf16 5:llm.int8", Copies(Plan(very, ("replicas", "2"))));
        Assert.Equal("0:bf16 1:bf16 2:bf16 2:llm.int8 2:llm.int8 3:bf16 4:llm.int8 5:bf16",
            Copies(Plan(very, ("replicas", "2"), ("replica-choice", "load-per-copy"))));
    }

    [Fact]
    public void Full_precision_replicas_quantize_nothing_and_need_a_budget_that_is_named()
    {
        var request = Request with { Precisions = [Precision.Bf16], Importance = null };
        var e = Assert.Throws<InvalidInputException>(() => Plan(request, ("replicas", "2")));
        Assert.Equal("budget: found 1, expected at least 1.3334 for replicas in bf16", e.Message);
        var plan = Plan(request with { Budget = 1.3334 }, ("replicas", "2"));
        Assert.Equal("0:bf16 1:bf16 2:bf16 2:bf16 3:bf16 4:bf16 5:bf16 5:bf16", Copies(plan));
        Assert.Null(plan.Forecast.Loss);
    }

    [Fact]
    public void An_fp32_checkpoint_gets_fp16_as_in_the_paper()
    {
        var costs = new ExpertCosts(Precision.Fp32, new Dictionary<Precision, long> { [Precision.Fp32] = 400, [Precision.Fp16] = 200 });
        Assert.Equal("0:fp32 1:fp32 2:fp32 2:fp16 3:fp32 4:fp16 5:fp32", Copies(Plan(Request with { Costs = costs })));
    }

    [Fact]
    public void Without_importance_it_says_what_to_do() =>
        Assert.Contains("importance=random", Assert.Throws<InvalidInputException>(() => Plan(Request with { Importance = null })).Message);

    [Fact]
    public void More_replicas_than_places_are_refused() =>
        Assert.Equal("policy paper: option replicas: found 7, expected at most 6 for 6 experts on 3 devices with replica-choice distinct",
            Assert.Throws<InvalidInputException>(() => Plan(Request with { Budget = 4 }, ("replicas", "7"))).Message);

    [Fact]
    public void Options_are_recorded_in_full() =>
        Assert.Equal("replicas=1 quantized=1 replica-choice=distinct importance=wanda-top collision=next",
            string.Join(' ', Plan(Request with { Budget = 1.01 }).Policy.Options.Select(option => $"{option.Key}={option.Value}")));
}
