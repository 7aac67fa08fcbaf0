using System.Globalization;

namespace Counterweight.Balancing.Policies.Quantize;

/// <summary>Which experts lose precision.</summary>
public enum QuantizedExpertChoice
{
    /// <summary>Those with the smallest loads: busy experts keep their precision.</summary>
    Cold,

    /// <summary>Those with the largest loads.</summary>
    Hot,
}

/// <summary>Options of <see cref="QuantizePolicy"/>.</summary>
public sealed record QuantizePolicyOptions
{
    private static readonly string[] ChoiceNames = ["cold", "hot"];

    /// <summary>Which experts of each layer are quantized first: <c>experts</c>, <c>cold</c> (default) or <c>hot</c>.</summary>
    public QuantizedExpertChoice Experts { get; init; }

    /// <summary>Share of each layer's experts that is quantized, rounded to whole experts: <c>share</c>, 0 to 1. Default 0.5; 1 is all.</summary>
    public double Share { get; init; } = 0.5;

    /// <summary>Options by name, as in a plan file.</summary>
    /// <exception cref="InvalidInputException">An unknown name or a value out of range.</exception>
    public static QuantizePolicyOptions Parse(IReadOnlyDictionary<string, string> options)
    {
        var (reader, defaults) = (new OptionReader(QuantizePolicy.PolicyName, options), new QuantizePolicyOptions());
        var parsed = new QuantizePolicyOptions
        {
            Experts = (QuantizedExpertChoice)reader.Choice("experts", (int)defaults.Experts, ChoiceNames),
            Share = reader.Number("share", defaults.Share, 0, 1),
        };
        reader.RefuseOthers();
        return parsed;
    }

    /// <summary>The inverse of <see cref="Parse"/>, every option included.</summary>
    public IReadOnlyDictionary<string, string> ToDictionary() => new OrderedDictionary<string, string>
    {
        ["experts"] = ChoiceNames[(int)Experts],
        ["share"] = Share.ToString(CultureInfo.InvariantCulture),
    };
}
