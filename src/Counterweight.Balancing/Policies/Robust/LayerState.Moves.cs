namespace Counterweight.Balancing.Policies.Robust;

/// <summary>Two kinds of moves: two slots change places, or a copy is taken from one expert and given to another.</summary>
internal sealed partial class LayerState
{
    private readonly float[] _triedLoads, _triedVariances; // of the touched devices after the move that was tried last
    private readonly int[] _touched;                       // [devices] the touched ones first
    private readonly long[] _touchedAt;                    // [devices] number of the trial that touched it last
    private int _touchedCount;
    private long _trial;

    public bool CanSwap(int a, int b) =>
        _deviceOf[a] != _deviceOf[b] && !HasCopyOn(_expertOf[a], _deviceOf[b]) && !HasCopyOn(_expertOf[b], _deviceOf[a]);

    /// <summary>The change of the smooth maximum if the experts of slots a and b changed places.</summary>
    public float TrySwap(int a, int b)
    {
        var (p, q, x, y) = (_deviceOf[a], _deviceOf[b], _expertOf[a], _expertOf[b]);
        var variance = _perCopyVariance[y] - _perCopyVariance[x];
        return _maximum.CostAfterShift(ref LoadsOf(p), ref LoadsOf(q), ref PerCopy(x), ref PerCopy(y),
            Allowance(_variances[p] + variance), Allowance(_variances[q] - variance)) - _costs[p] - _costs[q];
    }

    public void Swap(int a, int b)
    {
        var (p, q, x, y) = (_deviceOf[a], _deviceOf[b], _expertOf[a], _expertOf[b]);
        Exchange(a, b);
        Shift(p, x, y);
        Shift(q, y, x);
    }

    /// <summary>
    /// Whether slot <paramref name="from"/> can lose its copy and <paramref name="expert"/> gain one in slot <paramref name="to"/>, whose
    /// expert moves to the slot that became free.
    /// </summary>
    public bool CanRecopy(int from, int to, int expert)
    {
        var (giver, moved) = (_expertOf[from], _expertOf[to]);
        if (_copies[giver] < 2 || giver == expert || HasCopyOn(expert, _deviceOf[to]))
            return false;
        return from == to ||
            (_deviceOf[from] != _deviceOf[to] && moved != giver && moved != expert && !HasCopyOn(moved, _deviceOf[from]));
    }

    /// <summary>The change of the smooth maximum if <see cref="Recopy"/> were done.</summary>
    public float TryRecopy(int from, int to, int expert)
    {
        var (giver, moved) = (_expertOf[from], _expertOf[to]);
        (_touchedCount, _trial) = (0, _trial + 1);
        var (fewer, more) = (1f / (_copies[giver] - 1), 1f / (_copies[expert] + 1));
        for (var s = _firstCopy[giver]; s != None; s = _nextCopy[s])
            Touch(_deviceOf[s], giver, s == from ? 0 : fewer, 1f / _copies[giver]);
        for (var s = _firstCopy[expert]; s != None; s = _nextCopy[s])
            Touch(_deviceOf[s], expert, more, 1f / _copies[expert]);
        Touch(_deviceOf[to], expert, more, 0);
        if (from != to)
        {
            Touch(_deviceOf[to], moved, 0, 1f / _copies[moved]);
            Touch(_deviceOf[from], moved, 1f / _copies[moved], 0);
        }
        float change = 0;
        for (var i = 0; i < _touchedCount; i++)
        {
            var device = _touched[i];
            change += _maximum.Cost(ref Row(_triedLoads, device), Allowance(_triedVariances[device])) - _costs[device];
        }
        return change;
    }

    /// <summary>Does what <see cref="TryRecopy"/> tried last.</summary>
    public void Recopy(int from, int to, int expert)
    {
        var giver = _expertOf[from];
        if (from != to)
            Exchange(from, to);
        Unlink(to);
        Link(to, expert);
        _copies[giver]--;
        _copies[expert]++;
        ShareOut(giver);
        ShareOut(expert);
        for (var i = 0; i < _touchedCount; i++)
        {
            var device = _touched[i];
            Array.Copy(_triedLoads, device * _lanes, _loads, device * _lanes, _lanes);
            _variances[device] = _triedVariances[device];
            _costs[device] = _maximum.Cost(ref LoadsOf(device), Allowance(_variances[device]));
        }
    }

    // A copy's share of its expert's load on the device changes.
    private void Touch(int device, int expert, float share, float formerShare)
    {
        ref var loads = ref Row(_triedLoads, device);
        if (_touchedAt[device] != _trial)
        {
            (_touchedAt[device], _touched[_touchedCount++]) = (_trial, device);
            Array.Copy(_loads, device * _lanes, _triedLoads, device * _lanes, _lanes);
            _triedVariances[device] = _variances[device];
        }
        Add(ref loads, ref Row(_traffic.Load, expert), share - formerShare);
        _triedVariances[device] += _traffic.Variance[expert] * (share * share - formerShare * formerShare);
    }

    private void Exchange(int a, int b)
    {
        var (x, y) = (_expertOf[a], _expertOf[b]);
        Unlink(a);
        Unlink(b);
        Link(a, y);
        Link(b, x);
    }

    private void Shift(int device, int leaves, int comes)
    {
        Add(ref LoadsOf(device), ref PerCopy(leaves), -1);
        Add(ref LoadsOf(device), ref PerCopy(comes), 1);
        _variances[device] += _perCopyVariance[comes] - _perCopyVariance[leaves];
        _costs[device] = _maximum.Cost(ref LoadsOf(device), Allowance(_variances[device]));
    }
}
