using System.Text;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Robust;
using Counterweight.Tests;

namespace Counterweight.Balancing.Tests.EnginePlanning;

public sealed class EnginePlanningTests
{
    private static ExpertLoads Prefill() =>
        LoadsImport.Read(GoldenFiles.Shared("data", "traces", "deepseek-v3", "prefill_in4096.csv"))[0].Trace.Total;

    private static readonly int[] Layers = [.. Enumerable.Range(3, 58)];

    private static ExpertCosts Costs(Precision original) =>
        new(original, new[] { Precision.Bf16, Precision.Fp8, Precision.Int8, Precision.Int4 }
        .ToDictionary(precision => precision, precision => ExpertBytes.Of(7168, 2048, precision)));

    [Fact]
    public void The_four_engines_print_their_own_numbers_for_one_plan()
    {
        var loads = Prefill();
        var plan = new EnginePlan(256, 32, Layers, EplbPlanner.Plan(loads, new EplbOptions(288, 32, 4, 8)));
        var metrics = BalanceMetrics.Of(plan, loads);
        // As measured with the engines' own formulas on this trace and plan.
        Assert.Equal((0.79566, 0.75921, 1.31717, 2.29366, 0.31717), (Round(metrics.Sglang), Round(metrics.Vllm), Round(metrics.Ascend),
            Round(metrics.AscendWorst), Round(metrics.TensorRtLlm)));

        static double Round(double value) => Math.Round(value, 5);
    }

    [Theory]
    [InlineData(Precision.Fp8)]
    [InlineData(Precision.Bf16)]
    public void Redundant_experts_cost_no_bytes_when_slots_that_few_tokens_meet_lose_precision(Precision original)
    {
        var loads = Prefill();
        var slots = RobustPlanner.Plan([loads], new RobustOptions { Slots = [288], Devices = 32, Iterations = 50_000 });
        var plan = new EnginePlan(256, 32, Layers, slots);
        var eplb = new EnginePlan(256, 32, Layers, EplbPlanner.Plan(loads, new EplbOptions(288, 32)));
        var chosen = PrecisionAssignment.Choose(plan, loads, Costs(original), 1.0, [Precision.Fp8, Precision.Int8, Precision.Int4]);
        Assert.True(DeviceLoads.EvenImbalance(plan, loads).Average() <= DeviceLoads.EvenImbalance(eplb, loads).Average());
        Assert.True(chosen.PlannedBytes <= chosen.OriginalBytes);
        Assert.Equal(chosen.PlannedBytes, chosen.Precisions.Sum(layer => layer.Sum(precision => Costs(original).Of(0, 0, precision))));
        Assert.Equal(256L * 58 * ExpertBytes.Of(7168, 2048, original), chosen.OriginalBytes);
        // The tokens that meet a lowered slot are few: far less than the whole model in int4.
        Assert.InRange(chosen.Distortion, 1e-6, PrecisionAssignment.RelativeError(Precision.Int4) * 0.15);
    }

    [Fact]
    public void Layers_of_one_precision_cost_more_distortion_than_slots_but_hold_the_budget_too()
    {
        var loads = Prefill();
        var plan = new EnginePlan(256, 32, Layers, EplbPlanner.Plan(loads, new EplbOptions(288, 32)));
        PrecisionAssignment Choose(PrecisionMix mix) =>
            PrecisionAssignment.Choose(plan, loads, Costs(Precision.Fp8), 1.0, [Precision.Int4], mix);
        var (slots, layers) = (Choose(PrecisionMix.PerSlot), Choose(PrecisionMix.PerLayer));
        Assert.All(layers.Precisions, layer => Assert.Single(layer.Distinct()));
        Assert.True(layers.PlannedBytes <= layers.OriginalBytes);
        Assert.True(slots.Distortion < layers.Distortion);
        Assert.Throws<InvalidInputException>(() => PrecisionAssignment.Choose(plan, loads, Costs(Precision.Fp8), 0.3, [Precision.Int4]));
    }

    [Theory]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Stated_rounding_errors_are_those_of_normal_weights(Precision precision)
    {
        var random = new Random(1);
        var weights = Enumerable.Range(0, 1 << 17).Select(_ =>
            Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())).ToArray();
        var rounded = precision switch
        {
            Precision.Bf16 => [.. weights.Select(Bf16)],
            Precision.Int8 => weights.Chunk(7168).SelectMany(row => Grid(row, row.Max(Math.Abs) / 127, 127)).ToArray(),
            _ => weights.Chunk(32).SelectMany(group => Enumerable.Range(14, 7).Select(i => Grid(group, group.Max(Math.Abs) / (i / 2.0), 7))
                .MinBy(tried => group.Zip(tried, (a, b) => (a - b) * (a - b)).Sum())!).ToArray(),
        };
        var error = weights.Zip(rounded, (a, b) => (a - b) * (a - b)).Sum() / weights.Sum(a => a * a);
        Assert.InRange(PrecisionAssignment.RelativeError(precision) / error, 0.85, 1.15);

        static double Bf16(double value) =>
            BitConverter.Int32BitsToSingle((int)((BitConverter.SingleToUInt32Bits((float)value) + 0x8000) & 0xffff0000));

        static double[] Grid(double[] values, double step, int max) =>
            [.. values.Select(value => Math.Clamp(Math.Round(value / step), -max - 1, max) * step)];
    }

    [Fact]
    public void Fewer_redundant_experts_never_promise_more_and_the_smallest_number_reaches_the_target()
    {
        var loads = Prefill();
        var options = new RobustOptions { Slots = [], Devices = 16, Iterations = 20_000 };
        var curve = RedundancyCurve.Plan([loads], options, [0, 16, 32]).ToArray();
        Assert.True(curve[0].Imbalance >= curve[1].Imbalance && curve[1].Imbalance >= curve[2].Imbalance);
        var target = (curve[0].Imbalance + curve[1].Imbalance) / 2;
        Assert.Equal(16, RedundancyCurve.SmallestFor([loads], options, target, 64).RedundantExperts);
        Assert.Throws<InvalidInputException>(() => RedundancyCurve.SmallestFor([loads], options, 1.0000001, 16));
    }

    [Fact]
    public void A_budget_spent_by_layer_balances_better_than_the_same_number_everywhere()
    {
        var loads = Prefill();
        var options = new RobustOptions { Slots = [], Devices = 32, Iterations = 10_000 };
        // Half of the layers' worth of one more slot on each device.
        var slots = LayerBudgets.Spend([loads], options, 29 * 32);
        Assert.Equal(29 * 32, slots.Sum() - 58 * 256);
        var plan = new EnginePlan(256, 32, Layers, RobustPlanner.Plan([loads], options with { Slots = slots }));
        var bare = new EnginePlan(256, 32, Layers, RobustPlanner.Plan([loads], options with { Slots = [256] }));
        var full = new EnginePlan(256, 32, Layers, RobustPlanner.Plan([loads], options with { Slots = [288] }));
        double Imbalance(EnginePlan of) => DeviceLoads.EvenImbalance(of, loads).Average();
        Assert.True(Imbalance(plan) < (Imbalance(bare) + Imbalance(full)) / 2);
    }

    [Fact]
    public void Batches_are_noisier_the_smaller_they_are_as_recorded_ones_are()
    {
        var ids = GoldenFiles.Shared("data", "traces", "deepseek-v2-lite", "intent.topk.npy");
        var whole = LoadsImport.Read(ids)[0].Trace.Total;
        var plan = new EnginePlan(64, 8, [.. Enumerable.Range(0, 26)], EplbPlanner.Plan(whole, new EplbOptions(64, 8)));
        foreach (var (tokens, recorded) in new[] { (64, 1.190), (256, 1.092), (1024, 1.048) })
        {
            var trace = LoadsImport.Read(ids, new ImportOptions { TokensPerWindow = tokens })[0].Trace;
            var full = new LoadTrace("full", [.. trace.Windows.SkipLast(1)]);
            var measured = BatchForecast.OfTrace(plan, full, tokens);
            Assert.Equal(recorded, measured.Even, 0.01);
            // Without replicas no split can help; tokens of one text are alike, so that independent draws are calmer.
            Assert.Equal(measured.Even, measured.Optimal, 1e-9);
            var drawn = BatchForecast.Resample(plan, whole, tokens, topK: 6);
            Assert.InRange(drawn.Even, 1, measured.Even + 0.02);
        }
    }

    [Fact]
    public void A_better_split_is_never_worse()
    {
        var loads = Prefill();
        var plan = new EnginePlan(256, 32, Layers, EplbPlanner.Plan(loads, new EplbOptions(288, 32)));
        var forecast = BatchForecast.Resample(plan, loads, tokens: 4096, topK: 8, batches: 4);
        Assert.True(forecast.Even > forecast.LeastLoaded && forecast.LeastLoaded >= forecast.Optimal - 1e-9 && forecast.Optimal >= 1);
        Assert.True(forecast.LongRun < forecast.Even);
    }

    [Fact]
    public void The_layer_time_model_fits_measurements_and_ranks_plans_by_their_busiest_device()
    {
        var model = LayerTimeModel.Read(Encoding.UTF8.GetBytes("""{"hiddenSize": 1024, "intermediateSize": 512, "measured": [[1000, 50], [3000, 90]]}"""), "model.json");
        Assert.Equal(30, model.LaunchMicroseconds, 1e-9);
        Assert.Equal(6.0 * 1024 * 512 / 0.02 / 1e6, model.TeraOperationsPerSecond, 1e-6);
        Assert.Equal("model.json: found unknown key \"gpu\", expected parameters of the layer-time model",
            Assert.Throws<InvalidInputException>(
            () => LayerTimeModel.Read("""{"gpu": 1}"""u8.ToArray(), "model.json")).Message);

        var loads = Prefill();
        var topology = new ClusterTopology(32, 8);
        double Time(EnginePlan plan) => new LayerTimeModel().LayerMicroseconds(plan, loads, 65536, 8, topology);
        var contiguous = EnginePlan.Contiguous(256, 32, Layers);
        var eplb = new EnginePlan(256, 32, Layers, EplbPlanner.Plan(loads, new EplbOptions(288, 32)));
        Assert.True(Time(contiguous) > 2 * Time(eplb));
    }

    [Theory]
    [InlineData("eplb")]
    [InlineData("robust")]
    public void Both_policies_make_whole_plans_within_the_budget(string name)
    {
        var request = new PlanRequest
        {
            Model = new ModelFingerprint("deepseek_v3", Layers, 256, 8, null),
            Traces = [new LoadTrace("prefill", [Prefill()])],
            Costs = Costs(Precision.Fp8),
            Devices = 32,
        };
        var policy = PlanPolicies.Create(name, name == "robust" ? new Dictionary<string, string> { ["iterations"] = "5000" } : null);
        var plan = policy.Create(request);
        PlanValidator.Check(plan, name);
        PlanValidator.CheckBytes(plan, request.Costs);
        Assert.All(plan.Layers, layer => Assert.Equal(288, layer.Slots.Count));
        Assert.True(plan.Budget.PlannedBytes <= plan.Budget.OriginalBytes);
        Assert.InRange(plan.Forecast.DeviceImbalance, 1, 1.02);
        Assert.Equal(EnginePlan.From(plan).SlotExperts[7], plan.Layers[7].Slots.Select(slot => slot.Expert));
    }
}
