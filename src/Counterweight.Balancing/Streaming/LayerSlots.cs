using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// The slots of one layer as a running engine has them: where each stands and how it stores its expert is fixed, which expert it holds is
/// not. Keeps the device loads under the even split up to date, in mean device loads.
/// </summary>
internal sealed class LayerSlots
{
    private readonly int _devices;
    private readonly int[] _device;          // [slots]
    private readonly Precision[] _precision; // [slots]
    private readonly int[] _expert;          // [slots]
    private readonly Precision[] _floor;     // [experts] no expert may have less
    private readonly int[] _atFloor;         // [experts] copies that are no worse
    private readonly List<int>[] _copies;    // [experts] slots
    private readonly bool[] _holds;          // [devices, experts]
    private readonly double[] _share;        // [experts] mean device loads
    private readonly double[] _loads;        // [devices] mean device loads

    /// <param name="slots">The slots.</param>
    /// <param name="devices">Number of devices.</param>
    /// <param name="floor">The best precision that each expert must keep, [experts].</param>
    /// <param name="tokens">Estimated tokens of each expert, [experts].</param>
    public LayerSlots(IReadOnlyList<Slot> slots, int devices, Precision[] floor, ReadOnlySpan<double> tokens)
    {
        (_devices, _floor) = (devices, floor);
        _device = [.. slots.Select(slot => slot.Device)];
        _precision = [.. slots.Select(slot => slot.Precision)];
        _expert = [.. slots.Select(slot => slot.Expert)];
        _copies = [.. floor.Select(_ => new List<int>())];
        (_atFloor, _holds) = (new int[floor.Length], new bool[devices * floor.Length]);
        (_share, _loads) = (new double[floor.Length], new double[devices]);
        double total = 0;
        foreach (var count in tokens)
            total += count;
        for (var e = 0; e < _share.Length && total > 0; e++)
            _share[e] = tokens[e] / total * devices;
        for (var s = 0; s < _expert.Length; s++)
            Add(s, _expert[s]);
        for (var s = 0; s < _expert.Length; s++)
            _loads[_device[s]] += PerCopy(_expert[s]);
    }

    public int Slots => _expert.Length;

    public int Experts => _share.Length;

    public int Devices => _devices;

    public ReadOnlySpan<int> ExpertOf => _expert;

    public ReadOnlySpan<int> DeviceOf => _device;

    public ReadOnlySpan<Precision> PrecisionOf => _precision;

    /// <summary>[devices]</summary>
    public ReadOnlySpan<double> Loads => _loads;

    /// <summary>Max over mean device load; 1 where nothing was routed.</summary>
    public double Imbalance => LoadImbalance.MaxOverMean((ReadOnlySpan<double>)_loads);

    public IReadOnlyList<int> CopiesOf(int expert) => _copies[expert];

    public bool Holds(int device, int expert) => _holds[device * _share.Length + expert];

    public double ShareOf(int expert) => _share[expert];

    public double PerCopy(int expert) => _share[expert] / _copies[expert].Count;

    /// <summary>Whether two slots may exchange their experts: on different devices, or on one in different precisions.</summary>
    public bool CanSwap(int a, int b, bool keepPrecisions)
    {
        var (x, y) = (_expert[a], _expert[b]);
        if (_device[a] == _device[b])
            return !keepPrecisions && x != y && _precision[a] != _precision[b];
        return !Holds(_device[b], x) && !Holds(_device[a], y) &&
            (!keepPrecisions || _precision[a] == _precision[b] || (KeepsFloor(x, a, b) && KeepsFloor(y, b, a)));
    }

    /// <summary>Whether a slot may give up its copy for one of another expert.</summary>
    public bool CanRecopy(int slot, int expert, bool keepPrecisions)
    {
        var giver = _expert[slot];
        return giver != expert && _copies[giver].Count > 1 && !Holds(_device[slot], expert) &&
            (!keepPrecisions || _precision[slot] > _floor[giver] || _atFloor[giver] > 1);
    }

    /// <summary>Exchanges the experts of two slots.</summary>
    public void Swap(int a, int b)
    {
        var (x, y) = (_expert[a], _expert[b]);
        var shift = PerCopy(y) - PerCopy(x);
        _loads[_device[a]] += shift;
        _loads[_device[b]] -= shift;
        Remove(a, x);
        Remove(b, y);
        Add(a, y);
        Add(b, x);
    }

    /// <summary>Gives a slot to another expert.</summary>
    public void Recopy(int slot, int expert)
    {
        var giver = _expert[slot];
        Share(giver, -1);
        Share(expert, -1);
        Remove(slot, giver);
        Add(slot, expert);
        Share(giver, 1);
        Share(expert, 1);
    }

    private void Share(int expert, int sign)
    {
        foreach (var slot in _copies[expert])
            _loads[_device[slot]] += sign * PerCopy(expert);
    }

    private bool KeepsFloor(int expert, int from, int to) =>
        _precision[to] <= _floor[expert] || _atFloor[expert] - (_precision[from] <= _floor[expert] ? 1 : 0) > 0;

    private void Add(int slot, int expert)
    {
        _expert[slot] = expert;
        _copies[expert].Add(slot);
        _holds[_device[slot] * _share.Length + expert] = true;
        if (_precision[slot] <= _floor[expert])
            _atFloor[expert]++;
    }

    private void Remove(int slot, int expert)
    {
        _copies[expert].Remove(slot);
        _holds[_device[slot] * _share.Length + expert] = false;
        if (_precision[slot] <= _floor[expert])
            _atFloor[expert]--;
    }
}
