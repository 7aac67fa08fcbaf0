namespace Counterweight.Balancing.Streaming;

/// <summary>One step of a search: one slot gets another expert, or two exchange theirs.</summary>
/// <param name="Slot">The first slot.</param>
/// <param name="Other">The second, or -1.</param>
/// <param name="Expert">The expert that the first slot holds afterwards.</param>
/// <param name="Gain">What it gains in device imbalance, costs taken off.</param>
internal readonly record struct SlotStep(int Slot, int Other, int Expert, double Gain)
{
    public const int None = -1;
}

/// <summary>
/// Lowers the busiest device of one layer from the plan that is served, by the step that gains most each time, until no step is worth its
/// cost. The objective is the p-norm of device loads, so that a device that is nearly busiest counts too.
/// </summary>
internal sealed class LayerDescent
{
    private const int Squarings = 5; // p = 32
    private const double LeastGain = 1e-4;

    private readonly LayerSlots _slots;
    private readonly SlotCosts _costs;
    private readonly int _layer;
    private readonly int[] _served; // [slots]
    private readonly double[] _tried; // [devices] loads after the step that is tried
    private readonly int[] _touched;
    private readonly double _distortion; // of the layer as it is served
    private double _max, _sum, _norm;    // the sum of powers is of loads relative to the maximum

    public LayerDescent(LayerSlots slots, SlotCosts costs, int layer)
    {
        (_slots, _costs, _layer) = (slots, costs, layer);
        _served = slots.ExpertOf.ToArray();
        (_tried, _touched) = (new double[slots.Devices], new int[slots.Devices]);
        if (costs.DistortionCost > 0)
            for (var e = 0; e < slots.Experts; e++)
                _distortion += DistortionOf(e, SlotStep.None, SlotStep.None);
    }

    /// <summary>All steps to the end, in order; the slots are left there.</summary>
    public List<SlotStep> Run(int maxSteps)
    {
        var steps = new List<SlotStep>();
        while (steps.Count < maxSteps && Best() is { Gain: > LeastGain } step)
        {
            steps.Add(step);
            Take(_slots, step);
        }
        return steps;
    }

    /// <summary>Does a step.</summary>
    public static void Take(LayerSlots slots, SlotStep step)
    {
        if (step.Other >= 0)
            slots.Swap(step.Slot, step.Other);
        else
            slots.Recopy(step.Slot, step.Expert);
    }

    private SlotStep Best()
    {
        var busiest = 0;
        for (var d = 1; d < _slots.Devices; d++)
            if (_slots.Loads[d] > _slots.Loads[busiest])
                busiest = d;
        _max = _slots.Loads[busiest];
        var best = new SlotStep(0, SlotStep.None, 0, 0);
        if (_max <= 0)
            return best;
        _sum = 0;
        foreach (var load in _slots.Loads)
            _sum += Raise(load);
        _norm = Norm(_sum);
        for (var s = 0; s < _slots.Slots; s++)
        {
            if (_slots.DeviceOf[s] == busiest || _costs.DistortionCost > 0)
                TrySwaps(s, _slots.DeviceOf[s] == busiest, ref best);
            if (_slots.CopiesOf(_slots.ExpertOf[s]).Count > 1)
                TryRecopies(s, busiest, ref best);
        }
        return best;
    }

    // Away from the busiest device only exchanges between precisions gain anything, and only where precisions are free.
    private void TrySwaps(int a, bool isBusiest, ref SlotStep best)
    {
        var (x, p) = (_slots.ExpertOf[a], _slots.DeviceOf[a]);
        var load = _slots.PerCopy(x);
        var others = _sum - Raise(_slots.Loads[p]);
        for (var b = 0; b < _slots.Slots; b++)
        {
            if (_slots.PrecisionOf[a] == _slots.PrecisionOf[b] && (!isBusiest || _slots.DeviceOf[b] == p))
                continue;
            var (y, q) = (_slots.ExpertOf[b], _slots.DeviceOf[b]);
            var shift = load - _slots.PerCopy(y);
            var sum = q == p ? _sum : others - Raise(_slots.Loads[q]) + Raise(_slots.Loads[p] - shift) + Raise(_slots.Loads[q] + shift);
            if ((_costs.DistortionCost == 0 && sum >= _sum) || !_slots.CanSwap(a, b, _costs.KeepPrecisions) || !Fits(a, y) || !Fits(b, x))
                continue;
            var gain = _norm - Norm(sum) - MoveCost(a, y) - MoveCost(b, x);
            if (_costs.DistortionCost > 0)
                gain -= DistortionCost(DistortionOf(x, a, b) + DistortionOf(y, b, a) - DistortionOf(x) - DistortionOf(y));
            if (gain > best.Gain)
                best = new SlotStep(a, b, y, gain);
        }
    }

    // What lowers the busiest device: a slot of it goes to an expert that it does not hold, or one of its experts gets a further copy.
    private void TryRecopies(int slot, int busiest, ref SlotStep best)
    {
        for (var e = 0; e < _slots.Experts; e++)
        {
            if ((_slots.DeviceOf[slot] != busiest && !_slots.Holds(busiest, e)) || !_slots.CanRecopy(slot, e, _costs.KeepPrecisions) || !Fits(slot, e))
                continue;
            var sum = SumAfterRecopy(slot, e);
            if (sum >= _sum)
                continue;
            var gain = _norm - Norm(sum) - MoveCost(slot, e);
            if (_costs.DistortionCost > 0)
            {
                var giver = _slots.ExpertOf[slot];
                gain -= DistortionCost(DistortionOf(giver, slot, SlotStep.None) + DistortionOf(e, SlotStep.None, slot) - DistortionOf(giver) - DistortionOf(e));
            }
            if (gain > best.Gain)
                best = new SlotStep(slot, SlotStep.None, e, gain);
        }
    }

    private double SumAfterRecopy(int slot, int expert)
    {
        var giver = _slots.ExpertOf[slot];
        var (x, y) = (_slots.CopiesOf(giver), _slots.CopiesOf(expert));
        var touched = 0;
        foreach (var s in x)
            touched = Touch(touched, s, s == slot ? -_slots.PerCopy(giver) : _slots.ShareOf(giver) / (x.Count - 1) - _slots.PerCopy(giver));
        foreach (var s in y)
            touched = Touch(touched, s, _slots.ShareOf(expert) / (y.Count + 1) - _slots.PerCopy(expert));
        touched = Touch(touched, slot, _slots.ShareOf(expert) / (y.Count + 1));
        var sum = _sum;
        for (var i = 0; i < touched; i++)
        {
            sum += Raise(_slots.Loads[_touched[i]] + _tried[_touched[i]]) - Raise(_slots.Loads[_touched[i]]);
            _tried[_touched[i]] = 0;
        }
        return sum;
    }

    private int Touch(int touched, int slot, double change)
    {
        var device = _slots.DeviceOf[slot];
        if (Array.IndexOf(_touched, device, 0, touched) < 0)
            _touched[touched++] = device;
        _tried[device] += change;
        return touched;
    }

    private bool Fits(int slot, int expert) => _costs.Fits(_layer, slot, expert, _slots.PrecisionOf[slot]);

    private double MoveCost(int slot, int expert) => MoveOf(slot, expert) - MoveOf(slot, _slots.ExpertOf[slot]);

    private double MoveOf(int slot, int expert) => expert == _served[slot] ? 0 : _costs.MoveOf(_layer, expert, _slots.PrecisionOf[slot]);

    private double DistortionCost(double change) => _distortion > 0 ? _costs.DistortionCost * change / _distortion : 0;

    private double DistortionOf(int expert) => DistortionOf(expert, SlotStep.None, SlotStep.None);

    /// <summary>The distortion of an expert's tokens if it lost the slot <paramref name="without"/> and gained <paramref name="with"/>.</summary>
    private double DistortionOf(int expert, int without, int with)
    {
        double sum = 0;
        var copies = 0;
        foreach (var s in _slots.CopiesOf(expert))
        {
            if (s == without)
                continue;
            sum += _costs.ErrorOf(_layer, expert, _slots.PrecisionOf[s]);
            copies++;
        }
        if (with >= 0)
        {
            sum += _costs.ErrorOf(_layer, expert, _slots.PrecisionOf[with]);
            copies++;
        }
        return copies > 0 ? _slots.ShareOf(expert) * sum / copies : 0;
    }

    private double Raise(double load)
    {
        var x = load / _max;
        for (var i = 0; i < Squarings; i++)
            x *= x;
        return x;
    }

    private double Norm(double sum)
    {
        sum = Math.Max(sum, 0);
        for (var i = 0; i < Squarings; i++)
            sum = Math.Sqrt(sum);
        return sum * _max;
    }
}
