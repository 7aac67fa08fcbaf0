namespace Counterweight.Balancing.Streaming;

/// <summary>When a served plan is changed, and by how much at once.</summary>
public sealed record StreamingOptions
{
    /// <summary>Windows after which a load counts half, 0.1 to 10000; default 8. Of the controllers <c>ema</c> and <c>hysteresis</c>.</summary>
    public double HalfLife { get; init; } = 8;

    /// <summary>
    /// By how much the mean device imbalance must be lowered, beyond what chance explains, for <c>hysteresis</c> to begin a change; 0 to 10,
    /// default 0.03.
    /// </summary>
    public double Trigger { get; init; } = 0.03;

    /// <summary>The same for a change that has begun: it goes on with every window until there is less to gain. 0 to <see
    /// cref="Trigger"/>, default 0.015.</summary>
    public double Release { get; init; } = 0.015;

    /// <summary>
    /// By how much a layer's device imbalance must fall to be worth moving all of its bytes; a move of fewer bytes costs as much less. 0 to
    /// 100, default 0.3. Of <c>hysteresis</c>.
    /// </summary>
    public double MoveCost { get; init; } = 0.3;

    /// <summary>Most experts moved by one swap, over all layers, 1 to 2^20; default 1024. The moves that gain most come first. Of
    /// <c>hysteresis</c>.</summary>
    public int MaxMoves { get; init; } = 1024;

    /// <summary>Shortest time between swaps, 0 to a day; default 5 s. Of <c>hysteresis</c>.</summary>
    public TimeSpan MinInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How much more windows of the same traffic vary than if every token chose its experts independently, as a ratio of variances, 0 to
    /// 10^6. Null (default): measured between neighbouring windows. Of <c>hysteresis</c>.
    /// </summary>
    public double? Dispersion { get; init; }

    /// <summary>True (default): no expert falls below the best precision that the first plan holds it in, as the paper fixes its quantized
    /// experts beforehand. False: experts may change places with others of any precision, at <see cref="DistortionCost"/>.</summary>
    public bool KeepPrecisions { get; init; } = true;

    /// <summary>The device imbalance that a doubling of a layer's predicted distortion is worth where precisions are free, 0 to 10; default
    /// 0.1.</summary>
    public double DistortionCost { get; init; } = 0.1;

    /// <summary>Checks all ranges.</summary>
    /// <exception cref="InvalidInputException">A value is out of its range: names it.</exception>
    public void Check()
    {
        Between(HalfLife, 0.1, 10_000, "half-life");
        Between(Trigger, 0, 10, "trigger");
        Between(Release, 0, Trigger, "release");
        Between(MoveCost, 0, 100, "move cost");
        Between(MaxMoves, 1, 1 << 20, "moves");
        Between(MinInterval.TotalSeconds, 0, 86400, "shortest interval in seconds");
        Between(Dispersion ?? 0, 0, 1e6, "dispersion");
        Between(DistortionCost, 0, 10, "distortion cost");
    }

    private static void Between(double value, double min, double max, string name)
    {
        if (!(value >= min && value <= max))
            throw new InvalidInputException(name, FormattableString.Invariant($"{value}"), FormattableString.Invariant($"{min} to {max}"));
    }
}
