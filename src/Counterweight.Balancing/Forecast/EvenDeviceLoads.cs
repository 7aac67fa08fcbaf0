using System.Numerics;

namespace Counterweight.Balancing.Forecast;

/// <summary>Device loads if every copy of an expert gets the same share, in units of the mean device load.</summary>
internal sealed class EvenDeviceLoads
{
    private readonly Placement _placement;
    private readonly int _width, _goals;
    private readonly float[] _perCopy;   // [experts + 1, lanes]
    private readonly float[] _loads;     // [devices, lanes]
    private readonly float[] _maxima;    // [lanes]
    private readonly bool[] _isBusiest;  // [devices] in any goal

    public EvenDeviceLoads(Placement placement, IReadOnlyList<PlacementGoal> goals)
    {
        _placement = placement;
        _goals = goals.Count;
        _width = Lanes.Padded(goals.Count);
        _perCopy = Lanes.Normalize(goals, placement.Slots, perCopy: true);
        _loads = new float[placement.Slots.Devices * _width];
        _maxima = new float[_width];
        _isBusiest = new bool[placement.Slots.Devices];
    }

    public void Refresh()
    {
        Array.Clear(_loads);
        for (var s = 0; s < _placement.DeviceOf.Length; s++)
            Lanes.Add(Row(_loads, _placement.DeviceOf[s]), Row(_perCopy, _placement.Slots.ExpertOf[s]));
        var maxima = Maxima();
        for (var d = 0; d < _isBusiest.Length; d++)
        {
            _isBusiest[d] = false;
            for (var g = 0; g < _goals; g++)
                _isBusiest[d] |= Row(_loads, d)[g] >= maxima[g];
        }
    }

    public bool IsBusiest(int device) => _isBusiest[device];

    public ReadOnlySpan<float> Maxima() => MaximaAfterSwap(0, 0, 0, 0);

    public ReadOnlySpan<float> MaximaAfterSwap(int x, int p, int y, int q)
    {
        for (var i = 0; i < _width; i += Vector<float>.Count)
        {
            var change = new Vector<float>(_perCopy, y * _width + i) - new Vector<float>(_perCopy, x * _width + i);
            var max = Vector.Max(
                new Vector<float>(_loads, p * _width + i) + change,
                new Vector<float>(_loads, q * _width + i) - change);
            for (var d = 0; d < _isBusiest.Length; d++)
                if (d != p && d != q)
                    max = Vector.Max(max, new Vector<float>(_loads, d * _width + i));
            max.CopyTo(_maxima, i);
        }
        return _maxima;
    }

    private Span<float> Row(float[] rows, int index) => rows.AsSpan(index * _width, _width);
}
