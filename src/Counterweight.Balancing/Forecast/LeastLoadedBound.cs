using System.Numerics;

namespace Counterweight.Balancing.Forecast;

/// <summary>
/// The smallest busiest-device load that any split can reach, exactly: every set S of devices must take the tokens of the experts
/// whose copies all lie in S, so the optimum is max over S of confined(S) / |S| (Hall's condition for the splitting problem).
/// In units of the mean device load, over the proper subsets: below 1 the whole set is the bottleneck and the rest is slack.
/// </summary>
internal sealed class LeastLoadedBound
{
    private readonly Placement _placement;
    private readonly int _width, _sets;
    private readonly float[] _loads;     // [experts + 1, lanes]
    private readonly float[] _confined;  // [2^devices, lanes]
    private readonly float[] _after;     // [2^devices, lanes]
    private readonly float[] _inverse;   // [2^devices] 1 / |S|
    private readonly int[] _devicesOf;   // [experts + 1] as a set
    private readonly float[] _maxima;    // [lanes]

    public LeastLoadedBound(Placement placement, IReadOnlyList<PlacementGoal> goals)
    {
        _placement = placement;
        _width = Lanes.Padded(goals.Count);
        _sets = 1 << placement.Slots.Devices;
        _loads = Lanes.Normalize(goals, placement.Slots, perCopy: false);
        _confined = new float[_sets * _width];
        _after = new float[_sets * _width];
        _inverse = [.. Enumerable.Range(0, _sets).Select(set => 1f / int.PopCount(set))];
        _devicesOf = new int[placement.Slots.Copies.Length];
        _maxima = new float[_width];
    }

    public void Refresh()
    {
        Array.Clear(_devicesOf);
        for (var s = 0; s < _placement.DeviceOf.Length; s++)
            _devicesOf[_placement.Slots.ExpertOf[s]] |= 1 << _placement.DeviceOf[s];
        Array.Clear(_confined);
        for (var e = 0; e < _placement.Slots.Experts; e++)
            Lanes.Add(Row(_confined, _devicesOf[e]), Row(_loads, e));
        for (var bit = 1; bit < _sets; bit <<= 1)
            for (var set = 0; set < _sets; set++)
                if ((set & bit) != 0)
                    Lanes.Add(Row(_confined, set), Row(_confined, set ^ bit));
    }

    public ReadOnlySpan<float> Maxima() => MaximaOf(_confined);

    public ReadOnlySpan<float> MaximaAfterSwap(int x, int p, int y, int q)
    {
        _confined.CopyTo(_after, 0);
        Move(x, p, q);
        Move(y, q, p);
        return MaximaOf(_after);
    }

    // Only sets with exactly one of the two devices change: those with `to` gain the expert, those with `from` lose it.
    private void Move(int expert, int from, int to)
    {
        var others = _devicesOf[expert] & ~(1 << from);
        var free = (_sets - 1) & ~(others | 1 << from | 1 << to);
        for (var extra = free; ; extra = (extra - 1) & free)
        {
            var (loses, gains) = ((others | extra | 1 << from) * _width, (others | extra | 1 << to) * _width);
            for (var i = 0; i < _width; i += Vector<float>.Count)
            {
                var load = new Vector<float>(_loads, expert * _width + i);
                (new Vector<float>(_after, loses + i) - load).CopyTo(_after, loses + i);
                (new Vector<float>(_after, gains + i) + load).CopyTo(_after, gains + i);
            }
            if (extra == 0)
                break;
        }
    }

    private float[] MaximaOf(float[] confined)
    {
        for (var i = 0; i < _width; i += Vector<float>.Count)
        {
            var max = Vector<float>.Zero;
            for (var set = 1; set < _sets - 1; set++)
                max = Vector.Max(max, new Vector<float>(confined, set * _width + i) * _inverse[set]);
            max.CopyTo(_maxima, i);
        }
        return _maxima;
    }

    private Span<float> Row(float[] rows, int index) => rows.AsSpan(index * _width, _width);
}
