using System.Numerics;

namespace Counterweight.Balancing.Forecast;

/// <summary>Rows of one float for each goal, padded to whole vectors: all goals are evaluated in step, and lanes never mix.</summary>
internal static class Lanes
{
    public static int Padded(int goals) => (goals + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;

    /// <summary>Loads in units of the mean device load, [experts + 1, lanes]; the padding expert and goals without tokens have none.</summary>
    public static float[] Normalize(IReadOnlyList<PlacementGoal> goals, CopyCounts slots, bool perCopy)
    {
        var width = Padded(goals.Count);
        var rows = new float[(slots.Experts + 1) * width];
        for (var g = 0; g < goals.Count; g++)
        {
            var total = goals[g].Loads.Sum();
            for (var e = 0; e < slots.Experts && total > 0; e++)
                rows[e * width + g] = (float)(goals[g].Loads[e] * slots.Devices / total / (perCopy ? Math.Max(slots.Copies[e], 1) : 1));
        }
        return rows;
    }

    public static void Add(Span<float> sum, ReadOnlySpan<float> row)
    {
        for (var i = 0; i < sum.Length; i += Vector<float>.Count)
            (new Vector<float>(sum[i..]) + new Vector<float>(row[i..])).CopyTo(sum[i..]);
    }
}
