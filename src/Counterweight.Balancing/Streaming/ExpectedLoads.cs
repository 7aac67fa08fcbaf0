namespace Counterweight.Balancing.Streaming;

/// <summary>Loads that are expected, and how sure that is.</summary>
internal interface IExpectedLoads
{
    /// <summary>Expected tokens of each expert of a layer, [experts]; only their ratios mean anything.</summary>
    ReadOnlySpan<double> this[int layer] { get; }

    /// <summary>The number of tokens, drawn apart from each other, that would say as much about a layer.</summary>
    double EffectiveTokens(int layer);
}
