namespace Counterweight.Balancing.EnginePlanning;

/// <summary>Moves second copies of an expert off their device, in exchange for the slot of another device whose load is nearest.</summary>
public static class DuplicateRepair
{
    /// <summary>Repairs one layer in place.</summary>
    /// <param name="slots">The logical expert in each slot; devices own equal contiguous runs.</param>
    /// <param name="tokens">Tokens of each logical expert, [experts].</param>
    /// <param name="devices">Number of devices.</param>
    /// <returns>False if a duplicate can't be moved by one exchange, for example with more copies of an expert than devices.</returns>
    public static bool Repair(int[] slots, ReadOnlySpan<long> tokens, int devices)
    {
        var width = slots.Length / devices;
        var loads = DeviceLoads.SlotLoads(slots, tokens);
        var isRepaired = true;
        for (var s = 0; s < slots.Length; s++)
        {
            var first = s / width * width;
            if (!slots.AsSpan(first, s - first).Contains(slots[s]))
                continue;
            var other = NearestExchange(slots, loads, s, width);
            isRepaired &= other >= 0;
            if (other < 0)
                continue;
            (slots[s], slots[other]) = (slots[other], slots[s]);
            (loads[s], loads[other]) = (loads[other], loads[s]);
        }
        return isRepaired;
    }

    private static int NearestExchange(int[] slots, double[] loads, int slot, int width)
    {
        var home = slots.AsSpan(slot / width * width, width);
        var best = -1;
        for (var s = 0; s < slots.Length; s++)
            if (s / width != slot / width && !home.Contains(slots[s]) && !slots.AsSpan(s / width * width, width).Contains(slots[slot]) &&
                (best < 0 || Math.Abs(loads[s] - loads[slot]) < Math.Abs(loads[best] - loads[slot])))
                best = s;
        return best;
    }
}
