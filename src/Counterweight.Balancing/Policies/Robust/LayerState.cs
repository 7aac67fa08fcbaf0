using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>The slots of one layer with the loads of their devices, kept up to date move by move. Experts are numbered as in the
/// traffic.</summary>
internal sealed partial class LayerState
{
    private const int None = -1;

    private readonly LayerTraffic _traffic;
    private readonly SmoothMaximum _maximum;
    private readonly float _caution;
    private readonly int _lanes;
    private readonly int[] _expertOf, _deviceOf;    // [slots]
    private readonly int[] _nextCopy, _firstCopy;   // [slots], [experts]: linked slots of each expert
    private readonly int[] _copies;                 // [experts]
    private readonly float[] _perCopy, _loads;      // [experts, lanes], [devices, lanes]
    private readonly float[] _perCopyVariance, _variances, _costs; // [experts], [devices], [devices]

    public LayerState(LayerTraffic traffic, SmoothMaximum maximum, int[] slotExperts, int devices, double caution)
    {
        (_traffic, _maximum, _caution, _lanes) = (traffic, maximum, (float)caution, traffic.Lanes);
        var slots = slotExperts.Length;
        (_expertOf, _deviceOf, _nextCopy) = ([.. slotExperts], new int[slots], new int[slots]);
        (_firstCopy, _copies) = (new int[traffic.Experts], new int[traffic.Experts]);
        Array.Fill(_firstCopy, None);
        for (var s = 0; s < slots; s++)
        {
            _deviceOf[s] = s / (slots / devices);
            _copies[_expertOf[s]]++;
            Link(s, _expertOf[s]);
        }
        (_perCopy, _perCopyVariance) = (new float[traffic.Load.Length], new float[traffic.Experts]);
        for (var e = 0; e < traffic.Experts; e++)
            ShareOut(e);
        (_loads, _variances, _costs) = (new float[devices * _lanes], new float[devices], new float[devices]);
        (_triedLoads, _triedVariances, _touched, _touchedAt) = (new float[_loads.Length], new float[devices], new int[devices],
            new long[devices]);
    }

    public int Slots => _expertOf.Length;

    public int Devices => _costs.Length;

    public ReadOnlySpan<int> ExpertOf => _expertOf;

    public ReadOnlySpan<int> DeviceOf => _deviceOf;

    public int CopiesOf(int expert) => _copies[expert];

    /// <summary>Recomputes loads, which drift by rounding, and refocuses the smooth maximum on them.</summary>
    public void Focus(int squarings)
    {
        Array.Clear(_loads);
        Array.Clear(_variances);
        for (var s = 0; s < Slots; s++)
        {
            Add(ref LoadsOf(_deviceOf[s]), ref PerCopy(_expertOf[s]), 1);
            _variances[_deviceOf[s]] += _perCopyVariance[_expertOf[s]];
        }
        for (var d = 0; d < Devices; d++)
            for (var t = 0; t < _lanes; t++)
                _triedLoads[d * _lanes + t] = _loads[d * _lanes + t] > 0 ? _loads[d * _lanes + t] + Allowance(_variances[d]) : 0;
        _maximum.Focus(squarings, _triedLoads);
        for (var d = 0; d < Devices; d++)
            _costs[d] = _maximum.Cost(ref LoadsOf(d), Allowance(_variances[d]));
    }

    /// <summary>The largest device load of each trace, with its allowance for the unseen where asked. [traces]</summary>
    public double[] Maxima(bool withAllowance)
    {
        var maxima = new double[_lanes];
        for (var d = 0; d < Devices; d++)
            for (var t = 0; t < _lanes; t++)
                maxima[t] = Math.Max(maxima[t], _loads[d * _lanes + t] + (withAllowance ? Allowance(_variances[d]) : 0));
        return maxima;
    }

    public bool HasCopyOn(int expert, int device)
    {
        for (var s = _firstCopy[expert]; s != None; s = _nextCopy[s])
            if (_deviceOf[s] == device)
                return true;
        return false;
    }

    private float Allowance(float variance) => _caution * MathF.Sqrt(MathF.Max(variance, 0));

    private void Link(int slot, int expert)
    {
        _expertOf[slot] = expert;
        _nextCopy[slot] = _firstCopy[expert];
        _firstCopy[expert] = slot;
    }

    private void Unlink(int slot)
    {
        ref var link = ref _firstCopy[_expertOf[slot]];
        while (link != slot)
            link = ref _nextCopy[link];
        link = _nextCopy[slot];
    }

    private void ShareOut(int expert)
    {
        var share = 1f / _copies[expert];
        for (var i = expert * _lanes; i < (expert + 1) * _lanes; i++)
            _perCopy[i] = _traffic.Load[i] * share;
        _perCopyVariance[expert] = _traffic.Variance[expert] * share * share;
    }

    private ref float LoadsOf(int device) => ref Row(_loads, device);

    private ref float PerCopy(int expert) => ref Row(_perCopy, expert);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref float Row(float[] rows, int row) => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(rows), row * _lanes);

    private void Add(ref float sum, ref float row, float factor)
    {
        for (nuint i = 0; i < (nuint)_lanes; i += (nuint)Vector256<float>.Count)
            (Vector256.LoadUnsafe(ref sum, i) + Vector256.LoadUnsafe(ref row, i) * factor).StoreUnsafe(ref sum, i);
    }
}
