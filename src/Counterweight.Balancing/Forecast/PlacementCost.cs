namespace Counterweight.Balancing.Forecast;

/// <summary>The objective of a placement: Σ weight · (max / mean device load) over its goals, now and after a swap.</summary>
internal sealed class PlacementCost
{
    // On equal maxima the split that leaves more room below the bottleneck is preferred: loads at serving differ from those planned for.
    private const double SlackWeight = 0.05;

    private readonly Placement _placement;
    private readonly EvenDeviceLoads? _even;
    private readonly LeastLoadedBound? _optimal;
    private readonly double[] _evenWeights, _optimalWeights; // [goals] of either kind

    public PlacementCost(Placement placement, IReadOnlyList<PlacementGoal> goals)
    {
        _placement = placement;
        var exact = placement.Slots.Devices <= DevicePlacement.MaxOptimalDevices;
        PlacementGoal[] optimal = [.. goals.Where(goal => exact && goal.Split == SplitModel.LeastLoaded)];
        PlacementGoal[] even = [.. goals.Except(optimal)];
        _even = even.Length > 0 ? new EvenDeviceLoads(placement, even) : null;
        _optimal = optimal.Length > 0 ? new LeastLoadedBound(placement, optimal) : null;
        _evenWeights = [.. even.Select(goal => goal.Weight)];
        _optimalWeights = [.. optimal.Select(goal => goal.Weight)];
        Refresh();
    }

    /// <summary>The objective of the placement as it is.</summary>
    public double Current { get; private set; }

    /// <summary>Recomputes after the placement has changed.</summary>
    public void Refresh()
    {
        _even?.Refresh();
        _optimal?.Refresh();
        Current = Sum(_even is null ? [] : _even.Maxima(), _optimal is null ? [] : _optimal.Maxima());
    }

    /// <summary>Whether a swap between the two devices can lower the objective at all.</summary>
    public bool MayImprove(int p, int q) => _optimal is not null || _even!.IsBusiest(p) || _even.IsBusiest(q);

    /// <summary>The objective if slots a and b changed places.</summary>
    public double AfterSwap(int a, int b)
    {
        var (x, p) = (_placement.Slots.ExpertOf[a], _placement.DeviceOf[a]);
        var (y, q) = (_placement.Slots.ExpertOf[b], _placement.DeviceOf[b]);
        return Sum(_even is null ? [] : _even.MaximaAfterSwap(x, p, y, q), _optimal is null ? [] : _optimal.MaximaAfterSwap(x, p, y, q));
    }

    private double Sum(ReadOnlySpan<float> even, ReadOnlySpan<float> bottlenecks)
    {
        double sum = 0;
        for (var g = 0; g < _evenWeights.Length; g++)
            sum += _evenWeights[g] * even[g];
        for (var g = 0; g < _optimalWeights.Length; g++)
            sum += _optimalWeights[g] * (Math.Max(1, bottlenecks[g]) + SlackWeight * bottlenecks[g]);
        return sum;
    }
}
