namespace Counterweight.Balancing.Policies.Budget;

/// <summary>
/// What the copies of one layer are worth. The objective is a weighted mean over kinds of traffic of log ‖x‖₁₆, a smooth stand-in for
/// log max x. For mixed traffic, and for mixtures in which one trace makes up half, x is the load of a slot. For a trace alone, x is
/// what the copies of an expert force upon a device under the best split, and 1 beside them, since no split gets below the mean.
/// </summary>
internal sealed class BalanceObjective
{
    private readonly int _experts, _kinds, _slotKinds;
    private readonly double[] _shares;   // [experts, kinds]
    private readonly double[] _weights;  // [kinds]
    private readonly double[] _terms;    // [experts, kinds] x¹⁶
    private readonly double[] _drops;    // [experts, kinds] by how much x¹⁶ falls with one more copy
    private readonly double[] _slopes;   // [kinds] by how much the objective falls for each unit of x¹⁶
    private readonly int[] _copies;      // [experts]

    public BalanceObjective(TrafficShares traffic, int devices, BudgetPolicyOptions options)
    {
        const double MixedWeight = 0.5, TraceInMixture = 0.5;
        var traces = traffic.Single.Length;
        _experts = traffic.Mixture.Length;
        _slotKinds = 1 + traces;
        _kinds = _slotKinds + traces;
        _weights =
        [
            options.SlotWeight * MixedWeight,
            .. Enumerable.Repeat(options.SlotWeight * (1 - MixedWeight) / traces, traces),
            .. Enumerable.Repeat((1 - options.SlotWeight) / traces, traces),
        ];
        double[][] mixtures = [traffic.Mixture, .. traffic.Single.Select(trace => Blend(trace, traffic.Mixture, TraceInMixture))];
        _shares =
        [
            .. Enumerable.Range(0, _experts).SelectMany(e => mixtures
                .Select(mixture => options.UnseenShare + (1 - options.UnseenShare) * mixture[e] * _experts)
                .Concat(traffic.Single.Select(trace => trace[e] * devices))),
        ];
        _terms = new double[_kinds * _experts];
        _drops = new double[_kinds * _experts];
        _slopes = new double[_kinds];
        _copies = new int[_experts];
        Reset();
    }

    /// <summary>Back to one copy of every expert.</summary>
    public void Reset()
    {
        Array.Fill(_copies, 1);
        for (var e = 0; e < _experts; e++)
            Evaluate(e);
        UpdateSlopes();
    }

    /// <summary>By how much one more copy of an expert lowers the objective, to first order.</summary>
    public double Gain(int expert)
    {
        var drops = _drops.AsSpan(expert * _kinds, _kinds);
        double gain = 0;
        for (var k = 0; k < drops.Length; k++)
            gain += _slopes[k] * drops[k];
        return gain;
    }

    /// <summary>Adds a copy.</summary>
    public void Add(int expert)
    {
        _copies[expert]++;
        Evaluate(expert);
        UpdateSlopes();
    }

    private void Evaluate(int expert)
    {
        for (var k = 0; k < _kinds; k++)
        {
            var i = expert * _kinds + k;
            _terms[i] = Power16(_shares[i] / _copies[expert]);
            _drops[i] = _terms[i] - Power16(_shares[i] / (_copies[expert] + 1));
        }
    }

    // Summed anew each time: terms span many powers of ten, and what a running sum keeps of the largest would drown the rest.
    private void UpdateSlopes()
    {
        var sums = _slopes.AsSpan();
        sums[.._slotKinds].Clear();
        sums[_slotKinds..].Fill(1);
        for (var e = 0; e < _experts; e++)
            for (var k = 0; k < _kinds; k++)
                sums[k] += _terms[e * _kinds + k];
        for (var k = 0; k < _kinds; k++)
            _slopes[k] = sums[k] > 0 ? _weights[k] / sums[k] : 0;
    }

    private static double[] Blend(double[] a, double[] b, double shareOfA) => [.. a.Zip(b, (x, y) => shareOfA * x + (1 - shareOfA) * y)];

    private static double Power16(double x)
    {
        var x2 = x * x;
        var x4 = x2 * x2;
        var x8 = x4 * x4;
        return x8 * x8;
    }
}
