namespace Counterweight.Balancing.EnginePlanning;

/// <summary>
/// The smallest possible load of the busiest device when the tokens of an expert may be shared among its copies at will: the bound for
/// every dispatch rule, and what a per-batch linear program reaches. A maximum flow: excess is pushed from overloaded devices along
/// chains of experts that two devices share; where it can't leave a set of devices, their mean is the bound.
/// Holds scratch memory: one object for each thread.
/// </summary>
public sealed class OptimalSplit
{
    private const int Unreached = -1, Source = -2;

    // Relative to the mean device load.
    private const double Tolerance = 1e-10;

    private readonly int[] _slotExperts, _firstCopy, _copies; // [slots]; [experts + 1] into slots grouped by expert
    private readonly int _perDevice;
    private readonly double[] _quotas, _loads; // [slots], [devices]
    private readonly int[] _from, _to, _queue; // [devices]

    /// <summary>Makes the tables of one layer.</summary>
    /// <param name="slotExperts">The logical expert in each slot; devices own equal contiguous runs.</param>
    /// <param name="experts">Number of logical experts.</param>
    /// <param name="devices">Number of devices.</param>
    public OptimalSplit(int[] slotExperts, int experts, int devices)
    {
        _slotExperts = slotExperts;
        _perDevice = slotExperts.Length / devices;
        _firstCopy = new int[experts + 1];
        foreach (var expert in slotExperts)
            _firstCopy[expert + 1]++;
        for (var e = 0; e < experts; e++)
            _firstCopy[e + 1] += _firstCopy[e];
        _copies = [.. Enumerable.Range(0, slotExperts.Length).OrderBy(s => slotExperts[s])];
        (_quotas, _loads) = (new double[slotExperts.Length], new double[devices]);
        (_from, _to, _queue) = (new int[devices], new int[devices], new int[devices]);
    }

    /// <summary>Max over mean device load under the best split; 1 where nothing was routed.</summary>
    /// <param name="tokens">Tokens of each logical expert, [experts].</param>
    public double Imbalance(ReadOnlySpan<long> tokens)
    {
        double total = 0;
        foreach (var count in tokens)
            total += count;
        if (total == 0)
            return 1;
        SplitEvenly(tokens, _loads.Length / total);
        return LowerTheMaximum();
    }

    private void SplitEvenly(ReadOnlySpan<long> tokens, double unit)
    {
        Array.Clear(_loads);
        for (var s = 0; s < _quotas.Length; s++)
        {
            var expert = _slotExperts[s];
            _quotas[s] = tokens[expert] * unit / (_firstCopy[expert + 1] - _firstCopy[expert]);
            _loads[s / _perDevice] += _quotas[s];
        }
    }

    // The limit is a lower bound of the optimum throughout, in mean device loads.
    private double LowerTheMaximum()
    {
        double limit = 1;
        for (var device = 0; device < _loads.Length;)
        {
            if (_loads[device] <= limit + Tolerance)
                device++;
            else if (FindRoom(device, limit) is >= 0 and var receiver)
                Push(device, receiver, limit);
            else
                limit = Math.Max(limit + Tolerance, MeanOfReached());
        }
        return limit;
    }

    private int FindRoom(int start, double limit)
    {
        Array.Fill(_from, Unreached);
        (_from[start], _queue[0]) = (Source, start);
        for (int next = 0, reached = 1; next < reached; next++)
        {
            var device = _queue[next];
            for (var giver = device * _perDevice; giver < (device + 1) * _perDevice; giver++)
            {
                if (_quotas[giver] <= Tolerance / 8)
                    continue;
                for (var c = _firstCopy[_slotExperts[giver]]; c < _firstCopy[_slotExperts[giver] + 1]; c++)
                {
                    var other = _copies[c] / _perDevice;
                    if (_from[other] != Unreached)
                        continue;
                    (_from[other], _to[other], _queue[reached++]) = (giver, _copies[c], other);
                    if (_loads[other] < limit - Tolerance / 8)
                        return other;
                }
            }
        }
        return -1;
    }

    private void Push(int giver, int receiver, double limit)
    {
        var amount = Math.Min(_loads[giver] - limit, limit - _loads[receiver]);
        for (var device = receiver; device != giver; device = _from[device] / _perDevice)
            amount = Math.Min(amount, _quotas[_from[device]]);
        for (var device = receiver; device != giver; device = _from[device] / _perDevice)
        {
            _quotas[_from[device]] -= amount;
            _quotas[_to[device]] += amount;
        }
        _loads[giver] -= amount;
        _loads[receiver] += amount;
    }

    private double MeanOfReached()
    {
        double sum = 0;
        var count = 0;
        for (var device = 0; device < _loads.Length; device++)
        {
            if (_from[device] == Unreached)
                continue;
            sum += _loads[device];
            count++;
        }
        return sum / count;
    }
}
