namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Numbers slots inside each device so that experts that stay on a device keep their slot: nothing is copied for them.</summary>
public static class SlotOrder
{
    /// <summary>Reorders each device's slots of <paramref name="plan"/> after the plan that is being served.</summary>
    /// <param name="served">[layers][slots]</param>
    /// <param name="plan">[layers][slots]</param>
    /// <param name="devices">Number of devices of both.</param>
    /// <returns>The same devices with the same experts, [layers][slots].</returns>
    public static int[][] Keep(int[][] served, int[][] plan, int devices) =>
        [.. plan.Select((slots, l) => KeepLayer(served[l], slots, devices))];

    private static int[] KeepLayer(int[] served, int[] plan, int devices)
    {
        var (former, width) = (served.Length / devices, plan.Length / devices);
        var slots = new int[plan.Length];
        for (var d = 0; d < devices; d++)
        {
            var waiting = plan.AsSpan(d * width, width).ToArray().ToList();
            var place = slots.AsSpan(d * width, width);
            place.Fill(-1);
            for (var i = 0; i < Math.Min(former, width); i++)
                if (waiting.Remove(served[d * former + i]))
                    place[i] = served[d * former + i];
            foreach (ref var slot in place)
                if (slot < 0)
                {
                    slot = waiting[0];
                    waiting.RemoveAt(0);
                }
        }
        return slots;
    }
}
