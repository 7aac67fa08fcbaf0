namespace Counterweight.Balancing.Forecast;

/// <summary>
/// Places the copies of one layer on devices for several kinds of traffic at once: equal slot counts (± 1), no two copies of an expert
/// on one device where that can be avoided. Minimises Σ weight · (max / mean device load) over the goals by swaps of two slots.
/// A pure function: equal inputs give equal placements.
/// </summary>
public static class DevicePlacement
{
    /// <summary>Most devices for which <see cref="SplitModel.LeastLoaded"/> is evaluated exactly: its work doubles with each device.</summary>
    public const int MaxOptimalDevices = 10;

    private const double LeastGain = 1e-6;
    private const int MaxSweeps = 40;

    // Evaluations for one layer: a bound on time for very large layers, out of reach of usual ones.
    private const int MaxEvaluations = 400_000;

    /// <summary>Places slots on devices.</summary>
    /// <param name="slotExperts">The logical expert of each slot, [slots]; every expert that has load has a slot.</param>
    /// <param name="devices">Number of devices, 1 to <see cref="Plans.PlanLimits.MaxDevices"/>.</param>
    /// <param name="goals">The traffic to balance, at least one kind.</param>
    /// <returns>The device of each slot, [slots].</returns>
    public static int[] Place(ReadOnlySpan<int> slotExperts, int devices, IReadOnlyList<PlacementGoal> goals)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(devices);
        ArgumentOutOfRangeException.ThrowIfZero(goals.Count);
        if (devices == 1 || slotExperts.IsEmpty)
            return new int[slotExperts.Length];
        var experts = goals[0].Loads.Count;
        var copies = new CopyCounts(slotExperts, experts, devices);
        var placement = new Placement(copies, PlacementStart.Deal(copies, goals));
        Improve(placement, new PlacementCost(placement, goals));
        return placement.DeviceOf[..slotExperts.Length];
    }

    private static void Improve(Placement placement, PlacementCost cost)
    {
        var (slots, evaluations) = (placement.DeviceOf.Length, 0);
        var improved = true;
        for (var sweep = 0; improved && sweep < MaxSweeps; sweep++)
        {
            improved = false;
            for (var a = 0; a < slots; a++)
                for (var b = a + 1; b < slots; b++)
                {
                    if (!placement.CanSwap(a, b) || !cost.MayImprove(placement.DeviceOf[a], placement.DeviceOf[b]))
                        continue;
                    if (++evaluations > MaxEvaluations)
                        return;
                    if (cost.AfterSwap(a, b) >= cost.Current - LeastGain)
                        continue;
                    placement.Swap(a, b);
                    cost.Refresh();
                    improved = true;
                }
        }
    }
}
