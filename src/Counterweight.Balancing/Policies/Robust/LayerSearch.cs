using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>Plans one layer: from the traces to the expert in each slot.</summary>
internal sealed class LayerSearch
{
    private const int FinalSquarings = 6;

    private readonly LayerTraffic _traffic;
    private readonly RobustOptions _options;
    private readonly MoveLimits _limits;
    private readonly int[] _start; // [slots] experts numbered as in the traffic
    private readonly ulong _seed;

    public LayerSearch(IReadOnlyList<ExpertLoads> traces, int layer, RobustOptions options)
    {
        _options = options;
        _traffic = new LayerTraffic(traces, layer, options.Devices, options.TraceWeights);
        _seed = options.Seed * 1_000_003 + (ulong)layer;
        var nodeOf = options.Nodes > 1 && options.Groups > 1 ? GroupNodes.Deal(_traffic, options.Groups, options.Nodes) : null;
        var previous = options.Previous?.SlotExperts[layer];
        var served = previous is null ? null : Served(previous);
        _limits = new MoveLimits(nodeOf, options.Devices / options.Nodes, served, _traffic.Experts, (float)options.MoveCost);
        _start = previous?.Length == options.SlotsOf(layer) && nodeOf is null && HasNoDuplicate(previous)
            ? Array.ConvertAll(previous, expert => Array.IndexOf(_traffic.ModelExpert, expert))
            : StartPlacement.Make(_traffic.Mean, options.SlotsOf(layer), options.Devices, nodeOf, options.Nodes);
    }

    /// <summary>Searches and returns the better of the start and the end, [slots].</summary>
    public int[] Run(Func<long, double> progress)
    {
        var maximum = new SmoothMaximum(_traffic, _options.Objective);
        var state = new LayerState(_traffic, maximum, _start, _options.Devices, _options.Caution);
        state.Focus(FinalSquarings);
        var before = Cost(state);
        if (_options.Devices > 1)
            new Annealing(state, _limits, _seed).Run(progress);
        return ModelExperts(Cost(state) < before ? state.ExpertOf : _start);
    }

    private double Cost(LayerState state)
    {
        var maxima = state.Maxima(withAllowance: true);
        double mean = 0, worst = 0;
        for (var t = 0; t < maxima.Length; t++)
        {
            mean += _traffic.Weights[t] * maxima[t];
            worst = Math.Max(worst, _traffic.Weights[t] > 0 ? maxima[t] : 0);
        }
        return (_options.Objective == RobustObjective.Mean ? mean : worst) + _limits.Total(state.ExpertOf, state.DeviceOf);
    }

    private int[] ModelExperts(ReadOnlySpan<int> experts)
    {
        var slots = new int[experts.Length];
        for (var s = 0; s < slots.Length; s++)
            slots[s] = _traffic.ModelExpert[experts[s]];
        var perDevice = slots.Length / _options.Devices;
        for (var d = 0; d < _options.Devices; d++)
            Array.Sort(slots, d * perDevice, perDevice);
        return slots;
    }

    private bool[] Served(int[] previous)
    {
        var number = new int[_traffic.Experts];
        for (var e = 0; e < number.Length; e++)
            number[_traffic.ModelExpert[e]] = e;
        var served = new bool[_options.Devices * _traffic.Experts];
        for (var s = 0; s < previous.Length; s++)
            served[s / (previous.Length / _options.Devices) * _traffic.Experts + number[previous[s]]] = true;
        return served;
    }

    private bool HasNoDuplicate(int[] slots)
    {
        var perDevice = slots.Length / _options.Devices;
        for (var first = 0; first < slots.Length; first += perDevice)
            if (slots.AsSpan(first, perDevice).ToArray().Distinct().Count() < perDevice)
                return false;
        return true;
    }
}
