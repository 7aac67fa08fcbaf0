using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Plans;

public sealed class PlanFileTests
{
    private static readonly string Hash = new('a', 64);

    private static Plan Example { get; } = new(
        new ModelFingerprint("qwen3_moe", [1, 3], Experts: 3, TopK: 2, Hash),
        Devices: 2,
        [
            new LayerPlan(1, [new(0, Precision.Bf16, 0), new(1, Precision.Int8, 0), new(2, Precision.Int4, 1), new(0, Precision.LlmInt8, 1)]),
            new LayerPlan(3, [new(2, Precision.Fp16, 0), new(1, Precision.Fp8, 1), new(0, Precision.Fp32, 1)]),
        ],
        new PlanBudget(1000, 900, 1.0),
        new PlanPolicy("paper", new Dictionary<string, string> { ["replicas"] = "1", ["note"] = "" }, ulong.MaxValue),
        new PlanForecast(1.25, 1.6, 1.125, 0.0021));

    private static byte[] Write(Plan plan)
    {
        using var stream = new MemoryStream();
        PlanFile.Write(plan, stream);
        return stream.ToArray();
    }

    private static Plan Read(byte[] bytes) => PlanFile.Read(new MemoryStream(bytes), "plan.json");

    // The example with one place of its JSON changed.
    private static InvalidInputException Refusal(Action<JsonNode> change)
    {
        var json = JsonNode.Parse(Write(Example))!;
        change(json);
        return Assert.Throws<InvalidInputException>(() => Read(Encoding.UTF8.GetBytes(json.ToJsonString())));
    }

    [Fact]
    public void A_written_plan_reads_back_and_has_the_same_bytes_again()
    {
        var bytes = Write(Example);
        var read = Read(bytes);
        Assert.Equivalent(Example, read, strict: true);
        Assert.Equal(bytes, Write(read));
    }

    [Fact]
    public void A_loss_that_was_not_measured_is_null()
    {
        var plan = Example with { Forecast = Example.Forecast with { Loss = null } };
        Assert.Null(Read(Write(plan)).Forecast.Loss);
    }

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "format", "\"counterweight.loads\"", "plan.json: format: found \"counterweight.loads\", expected \"counterweight.plan\"" },
        { "version", "2", "plan.json: version: found 2, expected version 1" },
        { "devices", "0", "plan.json: devices: found 0, expected an integer from 1 to 1024" },
        { "devices", "2.5", "plan.json: devices: found 2.5, expected an integer from 1 to 1024" },
        { "model.experts", "\"3\"", "plan.json: model.experts: found \"3\", expected an integer from 1 to 65536" },
        { "model.topK", "4", "plan.json: model.topK: found 4, expected an integer from 1 to 3" },
        { "model.moeLayers", "[3,1]", "plan.json: model.moeLayers[1]: found 1, expected a number above 3: layers ascend" },
        { "model.moeLayers", "[1,3,5]", "plan.json: layers: found 2 layers, expected one for each of the 3 MoE layers of the model" },
        { "model.weightsHash", "\"abc\"", "plan.json: model.weightsHash: found \"abc\", expected 64 lower-case hex digits or null" },
        { "layers[1].layer", "2", "plan.json: layers[1].layer: found 2, expected 3, as in model.moeLayers[1]" },
        { "layers[0].slots[2].expert", "7", "plan.json: layers[0].slots[2].expert: found 7, expected 0 to 2" },
        { "layers[0].slots[2].expert", "1", "plan.json: layers[0].slots: found no copy of expert 2, expected a copy of each of the 3 experts" },
        { "layers[0].slots[2].expert", "-1", "plan.json: layers[0].slots[2].expert: found -1, expected an integer from 0 to 65536" },
        { "layers[0].slots[2].device", "2", "plan.json: layers[0].slots[2].device: found 2, expected 0 to 1" },
        {
            "layers[0].slots[3].device", "0",
            "plan.json: layers[0].slots[3]: found a second copy of expert 0 on device 0 (the first is slots[0]), expected at most one copy of an expert on a device"
        },
        {
            "layers[1].slots[0].precision", "\"int3\"",
            "plan.json: layers[1].slots[0].precision: found \"int3\", expected one of stored, fp32, fp16, bf16, fp8, int8, llm.int8, int4"
        },
        { "layers[1].slots", "null", "plan.json: layers[1].slots: found null, expected an array" },
        { "budget.plannedBytes", "1001", "plan.json: budget.plannedBytes: found 1001, expected at most 1 of the original 1000 bytes" },
        { "budget.limit", "0", "plan.json: budget.limit: found 0, expected a number from 0.1 to 16" },
        { "policy.options.replicas", "1", "plan.json: policy.options.replicas: found 1, expected a string" },
        { "policy.seed", "-1", "plan.json: policy.seed: found -1, expected an unsigned 64-bit integer" },
        { "forecast.lis", "0.5", "plan.json: forecast.lis: found 0.5, expected a number from 0.999999999 to 1048576" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_refused_by_path_found_and_expected(string path, string value, string message)
    {
        var e = Refusal(json =>
        {
            var keys = Regex.Matches(path, @"\w+").Select(match => match.Value).ToArray();
            foreach (var key in keys[..^1])
                json = char.IsAsciiDigit(key[0]) ? json[int.Parse(key)]! : json[key]!;
            json[keys[^1]] = JsonNode.Parse(value);
        });
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public void Unknown_and_missing_keys_are_named()
    {
        Assert.Equal(
            "plan.json: layers[1].slots[2]: found unknown key \"rank\", expected only the keys expert, precision, device",
            Refusal(json => json["layers"]![1]!["slots"]![2]!["rank"] = 0).Message);
        Assert.Equal(
            "plan.json: budget: found no key \"limit\", expected the keys originalBytes, plannedBytes, limit",
            Refusal(json => json["budget"]!.AsObject().Remove("limit")).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("{\"format\":\"counterweight.plan\"}")]
    [InlineData("{\"format\":\"counterweight.plan\",\"format\":\"counterweight.plan\"}")]
    [InlineData("{\"format\":\"\\ud800\",\"version\":1}")]
    [InlineData("{} {}")]
    public void What_is_no_plan_at_all_is_refused_by_file_name(string text) =>
        Assert.StartsWith("plan.json", Assert.Throws<InvalidInputException>(() => Read(Encoding.UTF8.GetBytes(text))).Where);

    [Fact]
    public void A_missing_file_is_refused() => Assert.Throws<InvalidInputException>(() => PlanFile.Read("/no/such/plan.json"));

    [Fact]
    public void Damaged_bytes_give_the_same_plan_or_a_refusal_and_nothing_else()
    {
        var bytes = Write(Example);
        Gen.Select(Gen.Int[0, bytes.Length - 1], Gen.Byte, Gen.Int[0, bytes.Length]).Sample((place, value, length) =>
        {
            var damaged = bytes.ToArray();
            damaged[place] = value;
            try
            {
                PlanValidator.Check(Read(damaged[..Math.Max(length, place + 1)]), "plan.json");
            }
            catch (InvalidInputException)
            {
            }
        }, iter: 5000);
    }

    [Fact]
    public void An_invalid_plan_is_never_written()
    {
        using var stream = new MemoryStream();
        var e = Assert.Throws<InvalidInputException>(() => PlanFile.Write(Example with { Devices = 1, Model = Example.Model with { TopK = 0 } }, stream));
        Assert.StartsWith("plan: model.topK", e.Where);
        Assert.Equal(0, stream.Length);
    }

    [Fact]
    public void One_device_may_hold_several_copies()
    {
        var layers = Example.Layers.Select(layer => layer with { Slots = [.. layer.Slots.Select(slot => slot with { Device = 0 })] });
        PlanValidator.Check(Example with { Devices = 1, Layers = [.. layers] }, "plan");
    }

    [Fact]
    public void A_plan_for_another_model_is_refused_by_the_first_difference()
    {
        PlanValidator.CheckFits(Example, Example.Model);
        PlanValidator.CheckFits(Example, Example.Model with { WeightsHash = null });
        string Where(ModelFingerprint model) => Assert.Throws<InvalidInputException>(() => PlanValidator.CheckFits(Example, model)).Where;
        Assert.Equal("plan: model.modelType", Where(Example.Model with { ModelType = "mixtral" }));
        Assert.Equal("plan: model.experts", Where(Example.Model with { Experts = 4 }));
        Assert.Equal("plan: model.topK", Where(Example.Model with { TopK = 1 }));
        Assert.Equal("plan: model.moeLayers", Where(Example.Model with { MoeLayers = [0, 1] }));
        Assert.Equal("plan: model.weightsHash", Where(Example.Model with { WeightsHash = new string('b', 64) }));
    }

    [Fact]
    public void Stated_bytes_are_checked_against_storage_sizes()
    {
        var sizes = Enum.GetValues<Precision>().ToDictionary(precision => precision, precision => 10L + (int)precision);
        var costs = new ExpertCosts(Precision.Bf16, sizes);
        var planned = 13 + 15 + 17 + 16 + 12 + 14 + 11;
        var plan = Example with { Budget = new PlanBudget(2 * 3 * 13, planned, 2) };
        PlanValidator.CheckBytes(plan, costs);
        var e = Assert.Throws<InvalidInputException>(() => PlanValidator.CheckBytes(plan with { Budget = plan.Budget with { PlannedBytes = 90 } }, costs));
        Assert.Equal($"plan: budget.plannedBytes: found 90, expected {planned}", e.Message);
        sizes.Remove(Precision.Fp8);
        costs = new ExpertCosts(Precision.Bf16, sizes);
        Assert.Equal("plan: layers[1].slots[1].precision", Assert.Throws<InvalidInputException>(() => PlanValidator.CheckBytes(plan, costs)).Where);
    }

    [Fact]
    public void The_documented_example_is_a_valid_plan()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "plan-format.md"));
        var json = Regex.Match(text, "```json\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(json, Encoding.UTF8.GetString(Write(Read(Encoding.UTF8.GetBytes(json)))));
    }
}
