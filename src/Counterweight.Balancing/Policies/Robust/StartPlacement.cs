namespace Counterweight.Balancing.Policies.Robust;

/// <summary>Where the search starts without a previous plan: greedy replication and packing on the mean loads, without duplicates on a
/// device.</summary>
internal static class StartPlacement
{
    /// <summary>The expert in each slot, numbered as in the traffic.</summary>
    /// <param name="mean">Mean load of each expert, [experts].</param>
    /// <param name="slots">Number of slots.</param>
    /// <param name="devices">Number of devices.</param>
    /// <param name="nodeOf">The node that each expert is bound to, or null.</param>
    /// <param name="nodes">Number of nodes.</param>
    public static int[] Make(double[] mean, int slots, int devices, int[]? nodeOf, int nodes)
    {
        if (nodeOf is null)
            return Pack(mean, [.. Enumerable.Range(0, mean.Length)], slots, devices);
        var parts = Enumerable.Range(0, nodes).Select(node =>
            Pack(mean, [.. Enumerable.Range(0, mean.Length).Where(e => nodeOf[e] == node)], slots / nodes, devices / nodes));
        return [.. parts.SelectMany(part => part)];
    }

    private static int[] Pack(double[] mean, int[] experts, int slots, int devices)
    {
        var copies = Replicate(mean, experts, slots, devices);
        var order = experts.SelectMany((expert, i) => Enumerable.Repeat((Expert: expert, Load: mean[expert] / copies[i]), copies[i]))
            .OrderByDescending(copy => copy.Load).ThenBy(copy => copy.Expert).ToArray();
        return LightestFirst(order, devices) ?? InTurn([.. order.Select(copy => copy.Expert)], devices);
    }

    private static int[] Replicate(double[] mean, int[] experts, int slots, int devices)
    {
        var copies = new int[experts.Length];
        var queue = new PriorityQueue<int, (double, int)>(experts.Length);
        for (var i = 0; i < experts.Length; i++)
        {
            copies[i] = 1;
            if (devices > 1)
                queue.Enqueue(i, (-mean[experts[i]], i));
        }
        for (var s = experts.Length; s < slots; s++)
        {
            var i = queue.Dequeue();
            if (++copies[i] < devices)
                queue.Enqueue(i, (-mean[experts[i]] / copies[i], i));
        }
        return copies;
    }

    private static int[]? LightestFirst((int Expert, double Load)[] order, int devices)
    {
        var perDevice = order.Length / devices;
        var (slots, counts, loads) = (new int[order.Length], new int[devices], new double[devices]);
        foreach (var (expert, load) in order)
        {
            var best = -1;
            for (var d = 0; d < devices; d++)
                if (counts[d] < perDevice && (best < 0 || loads[d] < loads[best]) &&
                    !slots.AsSpan(d * perDevice, counts[d]).Contains(expert))
                    best = d;
            if (best < 0)
                return null;
            slots[best * perDevice + counts[best]++] = expert;
            loads[best] += load;
        }
        return slots;
    }

    // Copies of an expert are neighbours in the order and no more than the devices, so they come to different devices.
    private static int[] InTurn(int[] order, int devices)
    {
        var slots = new int[order.Length];
        Array.Sort(order);
        for (var i = 0; i < order.Length; i++)
            slots[i % devices * (order.Length / devices) + i / devices] = order[i];
        return slots;
    }
}
