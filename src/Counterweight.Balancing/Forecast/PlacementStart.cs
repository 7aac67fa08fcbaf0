namespace Counterweight.Balancing.Forecast;

/// <summary>A first placement: longest processing time first, or dealing in turn where that runs into a corner.</summary>
internal static class PlacementStart
{
    public static int[] Deal(CopyCounts slots, IReadOnlyList<PlacementGoal> goals)
    {
        var perCopy = LoadPerCopy(slots, goals);
        int[] order = [.. Enumerable.Range(0, slots.ExpertOf.Length)
            .OrderByDescending(s => perCopy[slots.ExpertOf[s]]).ThenBy(s => slots.ExpertOf[s]).ThenBy(s => s)];
        return LeastLoadedFirst(slots, order, perCopy) ?? InTurn(slots, order);
    }

    // Weighted mean over the goals of the share of tokens that one copy of each expert gets, [experts + 1].
    private static double[] LoadPerCopy(CopyCounts slots, IReadOnlyList<PlacementGoal> goals)
    {
        var perCopy = new double[slots.Experts + 1];
        foreach (var goal in goals)
        {
            var total = goal.Loads.Sum();
            for (var e = 0; e < slots.Experts && total > 0; e++)
                perCopy[e] += goal.Weight * goal.Loads[e] / total / Math.Max(slots.Copies[e], 1);
        }
        return perCopy;
    }

    private static int[]? LeastLoadedFirst(CopyCounts slots, int[] order, double[] perCopy)
    {
        var deviceOf = new int[order.Length];
        var (loads, counts) = (new double[slots.Devices], new int[slots.Devices]);
        var taken = new HashSet<(int Device, int Expert)>(order.Length);
        foreach (var s in order)
        {
            var (expert, best) = (slots.ExpertOf[s], -1);
            for (var d = 0; d < slots.Devices; d++)
                if (counts[d] < slots.PerDevice && (best < 0 || loads[d] < loads[best]) && !taken.Contains((d, expert)))
                    best = d;
            if (best < 0)
                return null;
            deviceOf[s] = best;
            counts[best]++;
            loads[best] += perCopy[expert];
            taken.Add((best, expert));
        }
        return deviceOf;
    }

    // Copies of an expert are neighbours in the order, so they come to different devices unless there are more copies than devices.
    private static int[] InTurn(CopyCounts slots, int[] order)
    {
        var deviceOf = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
            deviceOf[order[i]] = i % slots.Devices;
        return deviceOf;
    }
}
