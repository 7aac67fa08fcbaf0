using System.Text.RegularExpressions;
using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Policies;
using Counterweight.Balancing.Policies.Budget;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Paper;
using Counterweight.Balancing.Policies.Quantize;
using Counterweight.Balancing.Policies.Robust;
using Counterweight.Tests;

namespace Counterweight.Balancing.Tests.Policies;

public sealed class PolicyDocsTests
{
    [Fact]
    public void The_documented_options_and_defaults_are_the_real_ones()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "docs", "policies.md"));
        var documented = Regex.Matches(text, @"^\| `([a-z-]+)` \| (\S+) \|", RegexOptions.Multiline)
            .Select(row => (row.Groups[1].Value, row.Groups[2].Value));
        var real = new PaperPolicyOptions().ToDictionary().Concat(new BudgetPolicyOptions().ToDictionary())
            .Concat(EplbPolicy.Defaults).Concat(RobustPolicy.Defaults).Concat(new QuantizePolicyOptions().ToDictionary());
        Assert.Equal(real.Select(option => (option.Key, option.Value)), documented);
    }

    [Fact]
    public void Documented_defaults_can_be_given_and_make_the_same_plan()
    {
        var loads = new LoadTrace("one", [new ExpertLoads(1, 6)]);
        for (var e = 0; e < 6; e++)
            loads.Windows[0][0][e] = 1 + e * e;
        var request = new PlanRequest
        {
            Model = new ModelFingerprint("m", [0], 6, 1, null),
            Traces = [new LoadTrace("one", loads.Windows)],
            Costs = new ExpertCosts(Precision.Bf16, new Dictionary<Precision, long> { [Precision.Bf16] = 100, [Precision.Int4] = 30 }),
            Devices = 2,
        };
        foreach (var (name, defaults) in new[] { ("eplb", EplbPolicy.Defaults), ("robust", RobustPolicy.Defaults) })
            Assert.Equal(PlanPolicies.Create(name).Create(request).Layers[0].Slots, PlanPolicies.Create(name, defaults).Create(request).Layers[0].Slots);
    }

    [Fact]
    public void Options_survive_a_round_trip_by_name()
    {
        var paper = new PaperPolicyOptions
        {
            Replicas = 3,
            Quantized = 2,
            ReplicaChoice = ReplicaChoice.LoadPerCopy,
            Importance = ImportanceReading.Random,
            Collision = CollisionRule.Quantize,
        };
        Assert.Equal(paper, PaperPolicyOptions.Parse(paper.ToDictionary()));
        var budget = new BudgetPolicyOptions { MaxCopies = 4, SlotWeight = 0.25, UnseenShare = 0 };
        Assert.Equal(budget, BudgetPolicyOptions.Parse(budget.ToDictionary()));
        var quantize = new QuantizePolicyOptions { Experts = QuantizedExpertChoice.Hot, Share = 0.125 };
        Assert.Equal(quantize, QuantizePolicyOptions.Parse(quantize.ToDictionary()));
    }

    [Fact]
    public void Options_set_in_code_are_checked_too()
    {
        Assert.Throws<InvalidInputException>(() => new PaperPolicy(new PaperPolicyOptions { Replicas = -1 }));
        Assert.Throws<InvalidInputException>(() => new QuantizePolicy(new QuantizePolicyOptions { Share = -0.1 }));
        Assert.Throws<InvalidInputException>(() => new BudgetPolicy(new BudgetPolicyOptions { SlotWeight = 1.5 }));
    }
}
