using System.Globalization;

namespace Counterweight.Balancing.Policies.Budget;

/// <summary>Options of <see cref="BudgetPolicy"/>.</summary>
public sealed record BudgetPolicyOptions
{
    /// <summary>Most copies of an expert: <c>max-copies</c>, 0 (as many as devices; 8 on one device) to 1024. Default 0.</summary>
    public int MaxCopies { get; init; }

    /// <summary>
    /// What the busiest slot under mixed traffic counts against the busiest device under each kind of traffic alone:
    /// <c>slot-weight</c>, 0 to 1. Default 0.7.
    /// </summary>
    public double SlotWeight { get; init; } = 0.7;

    /// <summary>
    /// Share of the traffic at serving that calibration says nothing about; it is taken to use all experts alike:
    /// <c>unseen-share</c>, 0 to 1. Default 0.35.
    /// </summary>
    public double UnseenShare { get; init; } = 0.35;

    /// <summary>Options by name, as in a plan file.</summary>
    /// <exception cref="InvalidInputException">An unknown name or a value out of range.</exception>
    public static BudgetPolicyOptions Parse(IReadOnlyDictionary<string, string> options)
    {
        var (reader, defaults) = (new OptionReader(BudgetPolicy.PolicyName, options), new BudgetPolicyOptions());
        var parsed = new BudgetPolicyOptions
        {
            MaxCopies = reader.Integer("max-copies", defaults.MaxCopies, 0, 1024),
            SlotWeight = reader.Number("slot-weight", defaults.SlotWeight, 0, 1),
            UnseenShare = reader.Number("unseen-share", defaults.UnseenShare, 0, 1),
        };
        reader.RefuseOthers();
        return parsed;
    }

    /// <summary>The inverse of <see cref="Parse"/>, every option included.</summary>
    public IReadOnlyDictionary<string, string> ToDictionary() => new OrderedDictionary<string, string>
    {
        ["max-copies"] = MaxCopies.ToString(CultureInfo.InvariantCulture),
        ["slot-weight"] = SlotWeight.ToString(CultureInfo.InvariantCulture),
        ["unseen-share"] = UnseenShare.ToString(CultureInfo.InvariantCulture),
    };
}
