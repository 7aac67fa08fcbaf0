namespace Counterweight.Balancing.Forecast;

/// <summary>How tokens are assumed to be shared among the copies of an expert.</summary>
public enum SplitModel
{
    /// <summary>Every copy gets load / copies.</summary>
    Even,

    /// <summary>
    /// Copies share so that the busiest device gets as little as possible. Exact for up to
    /// <see cref="DevicePlacement.MaxOptimalDevices"/> devices; on more the even split stands in, as an upper bound.
    /// </summary>
    LeastLoaded,
}

/// <summary>One kind of traffic that a placement is to balance.</summary>
/// <param name="Loads">Tokens, or any measure proportional to them, of each logical expert, [experts], not negative.</param>
/// <param name="Split">The split that the traffic will be served with.</param>
/// <param name="Weight">What its max over mean device load counts in the objective, above 0.</param>
public sealed record PlacementGoal(IReadOnlyList<double> Loads, SplitModel Split, double Weight = 1);
