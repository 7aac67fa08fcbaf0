using Counterweight.Balancing.Policies.Budget;
using Counterweight.Balancing.Policies.Eplb;
using Counterweight.Balancing.Policies.Paper;
using Counterweight.Balancing.Policies.Quantize;
using Counterweight.Balancing.Policies.Robust;

namespace Counterweight.Balancing.Policies;

/// <summary>The plan policies by name.</summary>
public static class PlanPolicies
{
    private static readonly IReadOnlyDictionary<string, string> NoOptions = new Dictionary<string, string>();

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [NonePolicy.PolicyName, PaperPolicy.PolicyName, BudgetPolicy.PolicyName, EplbPolicy.PolicyName, RobustPolicy.PolicyName, QuantizePolicy.PolicyName];

    /// <summary>The policy of that name with its options by name; what is not given has its default.</summary>
    /// <exception cref="InvalidInputException">No such policy, an option that it doesn't have, or a value out of range.</exception>
    public static IPlanPolicy Create(string name, IReadOnlyDictionary<string, string>? options = null)
    {
        options ??= NoOptions;
        switch (name)
        {
            case NonePolicy.PolicyName:
                new OptionReader(name, options).RefuseOthers();
                return new NonePolicy();
            case PaperPolicy.PolicyName:
                return new PaperPolicy(PaperPolicyOptions.Parse(options));
            case BudgetPolicy.PolicyName:
                return new BudgetPolicy(BudgetPolicyOptions.Parse(options));
            case EplbPolicy.PolicyName:
                return new EplbPolicy(options);
            case RobustPolicy.PolicyName:
                return new RobustPolicy(options);
            case QuantizePolicy.PolicyName:
                return new QuantizePolicy(QuantizePolicyOptions.Parse(options));
            default:
                throw new InvalidInputException("policy", $"\"{name}\"", "one of " + string.Join(", ", Names));
        }
    }
}
