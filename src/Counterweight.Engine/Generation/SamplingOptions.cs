using System.Globalization;
using Counterweight.Balancing;

namespace Counterweight.Engine.Generation;

/// <summary>How the next token is drawn. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p.</summary>
public sealed record SamplingOptions
{
    /// <summary>Always the most probable token.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>0 (greedy) to 100; default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only so many of the most probable tokens; 0 (default): all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the most probable tokens that together reach this probability, above 0 to 1; default 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only tokens at least so probable as a share of the most probable one, 0 (default: all) to 1.</summary>
    public double MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens that the sequence holds already (Keskar et al. 2019), above 0 to 100; default 1: none.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Seed of the draws of a sequence.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">Names the option.</exception>
    public void Validate()
    {
        Check("--temperature", Temperature, Temperature is >= 0 and <= 100, "0 to 100");
        Check("--top-k", TopK, TopK >= 0, "0 or more");
        Check("--top-p", TopP, TopP is > 0 and <= 1, "above 0 to 1");
        Check("--min-p", MinP, MinP is >= 0 and <= 1, "0 to 1");
        Check("--repetition-penalty", RepetitionPenalty, RepetitionPenalty is > 0 and <= 100, "above 0 to 100");
    }

    private static void Check(string option, double value, bool valid, string range)
    {
        if (!valid)
            throw new InvalidInputException(option, value.ToString(CultureInfo.InvariantCulture), range);
    }
}
