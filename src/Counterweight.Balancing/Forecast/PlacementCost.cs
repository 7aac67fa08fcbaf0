namespace Counterweight.Balancing.Forecast;

/// <summary>The objective of a placement: Σ weight · (max / mean device load) over its goals, now and after a swap.</summary>
internal sealed class PlacementCost
{
    // On equal maxima the split that leaves more room below the bottleneck is preferred: loads at serving differ from those planned for.
    private const double SlackWeight = 0.05;
    private const double EnoughSlack = 0.9;

    private readonly Placement _placement;
    private readonly EvenDeviceLoads? _even;
    private readonly LeastLoadedBound? _optimal;
    private readonly double[] _evenWeights, _optimalWeights; // [goals] of either kind
    private readonly double _leastOptimal;                   // what the goals of the least-loaded split cost at best
    private double _optimalCost;                             // what they cost now

    public PlacementCost(Placement placement, IReadOnlyList<PlacementGoal> goals)
    {
        _placement = placement;
        var exact = placement.Slots.Devices <= DevicePlacement.MaxOptimalDevices;
        var bySplit = goals.ToLookup(goal => exact && goal.Split == SplitModel.LeastLoaded);
        PlacementGoal[] optimal = [.. bySplit[true]], even = [.. bySplit[false]];
        _even = even.Length > 0 ? new EvenDeviceLoads(placement, even) : null;
        _optimal = optimal.Length > 0 ? new LeastLoadedBound(placement, optimal) : null;
        _evenWeights = [.. even.Select(goal => goal.Weight)];
        _optimalWeights = [.. optimal.Select(goal => goal.Weight)];
        _leastOptimal = _optimalWeights.Sum() * Cost(0);
        Refresh();
    }

    /// <summary>The objective of the placement as it is.</summary>
    public double Current { get; private set; }

    /// <summary>Recomputes after the placement has changed.</summary>
    public void Refresh()
    {
        _even?.Refresh();
        _optimal?.Refresh();
        _optimalCost = _optimal is null ? 0 : OptimalCost(_optimal.Maxima());
        Current = _optimalCost + (_even is null ? 0 : EvenCost(_even.Maxima()));
    }

    /// <summary>Whether a swap between the two devices can lower the objective at all.</summary>
    public bool MayImprove(int p, int q) => _optimalCost > _leastOptimal || (_even is not null && (_even.IsBusiest(p) || _even.IsBusiest(q)));

    /// <summary>The objective if slots a and b changed places; a lower bound of it where that is not below the present one.</summary>
    public double AfterSwap(int a, int b)
    {
        var (x, p) = (_placement.Slots.ExpertOf[a], _placement.DeviceOf[a]);
        var (y, q) = (_placement.Slots.ExpertOf[b], _placement.DeviceOf[b]);
        var even = _even is null ? 0 : EvenCost(_even.MaximaAfterSwap(x, p, y, q));
        if (_optimal is null || even + _leastOptimal >= Current)
            return even + _leastOptimal;
        return even + OptimalCost(_optimal.MaximaAfterSwap(x, p, y, q));
    }

    private double EvenCost(ReadOnlySpan<float> maxima)
    {
        double sum = 0;
        for (var g = 0; g < _evenWeights.Length; g++)
            sum += _evenWeights[g] * maxima[g];
        return sum;
    }

    private double OptimalCost(ReadOnlySpan<float> bottlenecks)
    {
        double sum = 0;
        for (var g = 0; g < _optimalWeights.Length; g++)
            sum += _optimalWeights[g] * Cost(bottlenecks[g]);
        return sum;
    }

    private static double Cost(double bottleneck) => Math.Max(1, bottleneck) + SlackWeight * Math.Max(EnoughSlack, bottleneck);
}
