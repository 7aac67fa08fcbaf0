using System.Text;
using Counterweight.Balancing.EnginePlanning;
using Counterweight.Balancing.Formats;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Loads.Import;
using Counterweight.Balancing.Policies.Robust;
using Counterweight.Tests;
using CsCheck;

namespace Counterweight.Balancing.Tests.Formats;

public sealed class EnginePlanFormatTests
{
    private static readonly EngineTarget Target = new() { Devices = 4, MoeLayers = [1, 2, 3], HiddenLayers = 4, MtpLayers = 1 };

    // 3 MoE layers after a dense one, 6 experts, 8 slots on 4 devices.
    private static EnginePlan Example() => new(6, 4, [1, 2, 3],
        [[0, 1, 2, 3, 4, 5, 0, 1], [5, 4, 3, 2, 1, 0, 5, 2], [0, 1, 2, 3, 4, 5, 0, 2]]);

    private static byte[] Write(IEnginePlanFormat format, EnginePlan plan, EngineTarget target)
    {
        using var stream = new MemoryStream();
        format.Write(plan, target, stream);
        return stream.ToArray();
    }

    public static TheoryData<string> Names => [.. EnginePlanFormats.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_plan_comes_back_as_it_was(string name)
    {
        var format = EnginePlanFormats.Of(name);
        Gen.Int[0, 5].Array[8].Array[3].Sample(slots =>
        {
            // Every expert once, then two random ones where they are no duplicates; patterns keep no order inside a device.
            var plan = new EnginePlan(6, 4, [1, 2, 3], [.. slots.Select(Shaped)]);
            var read = format.Read(Write(format, plan, Target), "plan", Target);
            Assert.Equal(plan.SlotExperts, read.SlotExperts);
            Assert.Equal((plan.Experts, plan.Devices), (read.Experts, read.Devices));
            Assert.Equal(plan.MoeLayers, read.MoeLayers);
        }, iter: 100);

        static int[] Shaped(int[] random)
        {
            int[] slots = [0, 1, 2, 3, 4, 5, random[0], random[1]];
            if (slots[6] == slots[7])
                slots[7] = (slots[6] + 1) % 6;
            return [.. slots.Chunk(2).SelectMany(device => device.Order())];
        }
    }

    [Fact]
    public void A_real_plan_has_sixty_one_rows_for_sglang_and_the_dense_ones_are_filled()
    {
        var loads = LoadsImport.Read(GoldenFiles.Shared("data", "traces", "deepseek-v3", "prefill_in1024.json"))[0];
        var slots = RobustPlanner.Plan([loads.Trace.Total], new RobustOptions { Slots = [288], Devices = 32, Iterations = 1000 });
        var plan = new EnginePlan(256, 32, loads.MoeLayers, slots);
        var sglang = EnginePlanFormats.Of("sglang");
        var bytes = Write(sglang, plan, new EngineTarget());
        var text = Encoding.UTF8.GetString(bytes);
        Assert.StartsWith("{\n  \"physical_to_logical_map\": [\n    [0,1,2,", text);
        Assert.Equal(61, text.Split('\n').Count(line => line.Contains("],") || line.EndsWith(']') && line.Contains(',')));
        var read = sglang.Read(bytes, "plan.json", new EngineTarget { Devices = 32 });
        Assert.Equal(Enumerable.Range(3, 58), read.MoeLayers);
        Assert.Equal(plan.SlotExperts, read.SlotExperts);
    }

    [Fact]
    public void Tensorrt_yaml_has_true_layer_numbers_and_an_entry_for_multi_token_prediction()
    {
        var yaml = Encoding.UTF8.GetString(Write(EnginePlanFormats.Of("tensorrt-llm"), Example(), Target));
        Assert.Equal("""
            num_slots: 8
            layer_updates_per_iter: 0
            initial_global_assignments:
              1: [0, 1, 2, 3, 4, 5, 0, 1]
              2: [5, 4, 3, 2, 1, 0, 5, 2]
              3: [0, 1, 2, 3, 4, 5, 0, 2]
              4: [0, 1, 2, 3, 4, 5, 0, 1]

            """.ReplaceLineEndings("\n"), yaml);
        var dashed = "num_slots: 4\ninitial_global_assignments:\n  3:\n  - 0\n  - 1\n  - 1\n  - 0\n  4: [0, 1,\n    1, 0]\nlayer_updates_per_iter: 0\n";
        var read = EnginePlanFormats.Of("tensorrt-llm").Read(Encoding.UTF8.GetBytes(dashed), "x.yaml", new EngineTarget { Devices = 2 });
        Assert.Equal([3, 4], read.MoeLayers);
        Assert.Equal([0, 1, 1, 0], read.SlotExperts[0]);
        Assert.Equal([0, 1, 1, 0], read.SlotExperts[1]);
    }

    [Fact]
    public void Ascend_files_have_the_keys_and_order_that_the_engine_reads()
    {
        var json = Encoding.UTF8.GetString(Write(EnginePlanFormats.Of("vllm-ascend"), Example(), Target));
        Assert.StartsWith("{\n  \"moe_layer_count\": 3,\n  \"layer_list\": [\n    {\n      \"layer_id\": 0,\n      \"device_count\": 4,\n" +
            "      \"device_list\": [\n        {\"device_id\":0,\"device_expert\":[0,1]},", json);
    }

    [Theory]
    [InlineData("vllm-ascend", true)]
    [InlineData("omni-infer", true)]
    [InlineData("sglang", false)]
    [InlineData("vllm", false)]
    [InlineData("tensorrt-llm", false)]
    public void An_expert_twice_on_a_device_is_an_error_only_where_the_engine_chokes_on_it(string name, bool isError)
    {
        var plan = new EnginePlan(2, 2, [3], [[0, 0, 1, 0]]);
        var finding = EnginePlanFormats.Of(name).Check(plan, new EngineTarget { MtpLayers = 1 }).First(f => f.Sentence.Contains("twice"));
        Assert.Equal(isError, finding.IsError);
        Assert.StartsWith("Layer 3 has expert 0 twice on device 0: ", finding.Sentence);
        if (isError)
            Assert.Throws<InvalidInputException>(() => Write(EnginePlanFormats.Of(name), plan, new EngineTarget()));
    }

    [Fact]
    public void Layers_of_different_width_and_beyond_the_model_are_errors()
    {
        var uneven = new EnginePlan(2, 2, [3, 4], [[0, 1], [0, 1, 1, 0]]);
        Assert.All(EnginePlanFormats.Names, name => Assert.Contains(EnginePlanFormats.Of(name).Check(uneven, new EngineTarget()),
            finding => finding.IsError && finding.Sentence.EndsWith("layer 4 has 4, layer 3 has 2.")));
        Assert.Contains(EnginePlanFormats.Of("sglang").Check(Example(), new EngineTarget { HiddenLayers = 3 }),
            finding => finding.Sentence == "The plan has layer 3, but the model has only 3 layers (0 to 2).");
    }

    [Theory]
    [InlineData("sglang", """{"physical_to_logical_map": [[0, 1]], "rank": 0}""", "plan: found unknown key \"rank\", expected only the keys physical_to_logical_map")]
    [InlineData("sglang", """{"physical_to_logical_map": [[0, 2, 0, 2]]}""", "plan: layer 0: found no copy of expert 1, expected a copy of each of the 3 experts")]
    [InlineData("sglang", """{"physical_to_logical_map": [[0, 1], [0, -1]]}""", "plan: physical_to_logical_map[1][1]: found -1, expected an integer from 0 to 65535")]
    [InlineData("vllm", "[[0, 1, 0]]", "plan: layer 0: found 3 slots, expected a multiple of 2 devices, up to 1048576")]
    [InlineData("vllm-ascend", """{"moe_layer_count": 2, "layer_list": [{"layer_id": 0, "device_count": 1, "device_list": [{"device_id": 0, "device_expert": [0]}]}]}""",
        "plan: moe_layer_count: found 2, expected 1, the length of layer_list")]
    [InlineData("vllm-ascend", """{"moe_layer_count": 1, "layer_list": [{"layer_id": 0, "device_count": 1, "device_list": [{"device_id": 0, "device_expert": [0, 0]}]}]}""",
        "plan: layer_list[0].device_list[0].device_expert: found an expert twice, expected every expert at most once on a device")]
    [InlineData("tensorrt-llm", "num_slots: 4\nep_size: 2\n",
        "plan: line 2: found the key ep_size, expected only num_slots, layer_updates_per_iter and initial_global_assignments")]
    [InlineData("tensorrt-llm", "num_slots: 4\ninitial_global_assignments:\n  3: [0, x, 1, 0]\n",
        "plan: line 3: found \"x\", expected a number from 0")]
    [InlineData("tensorrt-llm", "num_slots: 4\ninitial_global_assignments:\n  3: [0, 1]\n",
        "plan: initial_global_assignments: found a layer of 2 slots, expected 4, as num_slots says")]
    [InlineData("tensorrt-llm", "num_slots: 4\ninitial_global_assignments:\n  3: [0, 1,\n",
        "plan: line 3: found a list without an end, expected a closing bracket")]
    public void A_mistake_is_named_with_its_place(string engine, string text, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(
            () => EnginePlanFormats.Of(engine).Read(Encoding.UTF8.GetBytes(text), "plan", new EngineTarget { Devices = 2 })).Message);

    [Fact]
    public void Counts_for_ktransformers_read_back_with_their_dense_layers_left_out()
    {
        var loads = new ExpertLoads(2, 3);
        (loads[0][0], loads[0][2], loads[1][1]) = (5, 1L << 40, 7);
        using var stream = new MemoryStream();
        KTransformersCounts.Write(loads, [2, 3], hiddenLayers: 4, stream);
        var read = LoadsImport.Read(stream.ToArray(), "counts.pt", new ImportOptions())[0];
        Assert.Equal([2, 3], read.MoeLayers);
        Assert.Equal(loads[0].ToArray(), read.Trace.Windows[0][0].ToArray());
        Assert.Equal(loads[1].ToArray(), read.Trace.Windows[0][1].ToArray());
    }
}
