namespace Counterweight.Balancing.Splits;

/// <summary>
/// Quotas with the smallest possible load of the busiest device, exactly, for whole tokens. Starts from the even split and pushes only
/// the excess of overloaded devices, along shortest chains of experts that two devices share, so that slots stay as even as the
/// devices allow. Holds scratch memory: one object for each thread.
/// </summary>
internal sealed class LeastLoadedSplit(bool ordersByGate) : ISplitPolicy
{
    private const int Unreached = -1;
    private const int Start = -2;

    private long[] _loads = new long[64];  // [devices] tokens under the quotas so far
    private int[] _from = new int[64];     // [devices] slot that gives to the device on the shortest chain, or Unreached, or Start
    private int[] _to = new int[64];       // [devices] slot on the device that receives
    private int[] _queue = new int[64];    // [devices] reached, in order

    public string Name => ordersByGate ? "least-loaded-by-gate" : "least-loaded";

    public bool OrdersByGate => ordersByGate;

    public void Split(ReadOnlySpan<int> expertLoads, SlotTable slots, ReadOnlySpan<long> slotTotals, Span<int> quotas)
    {
        EvenSplit.SplitEvenly(expertLoads, slots, slotTotals, quotas);
        if (slots.Devices < 2)
            return;
        if (_loads.Length < slots.Devices)
            Grow(slots.Devices);
        var loads = _loads.AsSpan(0, slots.Devices);
        loads.Clear();
        long total = 0;
        for (var s = 0; s < quotas.Length; s++)
        {
            loads[slots.DeviceOf[s]] += quotas[s];
            total += quotas[s];
        }
        LowerTheMaximum(slots, loads, quotas, limit: (total + loads.Length - 1) / loads.Length);
    }

    // The limit is a lower bound of the optimum throughout: it rises only where the tokens of some devices can't leave them.
    private void LowerTheMaximum(SlotTable slots, Span<long> loads, Span<int> quotas, long limit)
    {
        for (var device = 0; device < loads.Length;)
        {
            if (loads[device] <= limit)
                device++;
            else if (FindSlack(slots, loads, quotas, device, limit) is >= 0 and var receiver)
                Push(slots, loads, quotas, device, receiver, limit);
            else
                limit = MeanOfReached(loads);
        }
    }

    // Breadth first over devices; returns the nearest device below the limit, the least loaded one on equal terms, or -1.
    private int FindSlack(SlotTable slots, ReadOnlySpan<long> loads, ReadOnlySpan<int> quotas, int start, long limit)
    {
        Array.Fill(_from, Unreached, 0, loads.Length);
        _from[start] = Start;
        _queue[0] = start;
        var best = -1;
        for (int next = 0, reached = 1; next < reached && best < 0;)
        {
            for (var levelEnd = reached; next < levelEnd; next++)
            {
                var known = reached;
                reached = Reach(slots, quotas, _queue[next], reached);
                for (; known < reached; known++)
                    if (loads[_queue[known]] < limit && (best < 0 || loads[_queue[known]] < loads[best]))
                        best = _queue[known];
            }
        }
        return best;
    }

    // Appends the devices that share an expert with this one; of several experts the one whose two slots differ most is to move.
    private int Reach(SlotTable slots, ReadOnlySpan<int> quotas, int device, int reached)
    {
        foreach (var giver in slots.SlotsOn(device))
        {
            if (quotas[giver] == 0)
                continue;
            foreach (var taker in slots.CopiesOf(slots.ExpertOf[giver]))
            {
                var other = slots.DeviceOf[taker];
                var known = _from[other];
                if (known == Unreached)
                    _queue[reached++] = other;
                else if (known == Start || slots.DeviceOf[known] != device ||
                    quotas[giver] - quotas[taker] <= quotas[known] - quotas[_to[other]])
                    continue;
                (_from[other], _to[other]) = (giver, taker);
            }
        }
        return reached;
    }

    private void Push(SlotTable slots, Span<long> loads, Span<int> quotas, int giver, int receiver, long limit)
    {
        var amount = (int)Math.Min(int.MaxValue, Math.Min(loads[giver] - limit, limit - loads[receiver]));
        for (var device = receiver; device != giver; device = slots.DeviceOf[_from[device]])
            amount = Math.Min(amount, quotas[_from[device]]);
        for (var device = receiver; device != giver; device = slots.DeviceOf[_from[device]])
        {
            quotas[_from[device]] -= amount;
            quotas[_to[device]] += amount;
        }
        loads[giver] -= amount;
        loads[receiver] += amount;
    }

    // Tokens on the reached devices have copies nowhere else, so their mean, rounded up, bounds the optimum.
    private long MeanOfReached(ReadOnlySpan<long> loads)
    {
        long sum = 0, count = 0;
        for (var device = 0; device < loads.Length; device++)
        {
            if (_from[device] == Unreached)
                continue;
            sum += loads[device];
            count++;
        }
        return (sum + count - 1) / count;
    }

    private void Grow(int devices)
    {
        _loads = new long[devices];
        _from = new int[devices];
        _to = new int[devices];
        _queue = new int[devices];
    }
}
