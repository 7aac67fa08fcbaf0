using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>
/// The p-norm of the device loads of each trace, in place of their maximum, linearised where it was last focused: a sum over devices, so
/// that a move costs only the devices that it touches, and in units of device imbalance. Powers of two keep it a chain of squares.
/// </summary>
internal sealed class SmoothMaximum(LayerTraffic traffic, RobustObjective objective)
{
    private readonly int _lanes = traffic.Lanes;
    private readonly float[] _inverseMax = new float[traffic.Lanes]; // 1 / max load of each trace
    private readonly float[] _weights = new float[traffic.Lanes];    // imbalance for each unit of Σ (load / max)^p
    private readonly double[] _norms = new double[traffic.Lanes];
    private int _squarings;

    /// <summary>The power p.</summary>
    public int Power => 1 << _squarings;

    /// <summary>Scales and weights for these loads.</summary>
    /// <param name="squarings">log₂ of the power.</param>
    /// <param name="loads">Device loads with their allowance for the unseen, [devices, lanes].</param>
    public void Focus(int squarings, ReadOnlySpan<float> loads)
    {
        _squarings = squarings;
        for (var t = 0; t < _lanes; t++)
        {
            float max = 0;
            for (var i = t; i < loads.Length; i += _lanes)
                max = Math.Max(max, loads[i]);
            _inverseMax[t] = max > 0 ? 1 / max : 0;
            double sum = 0;
            for (var i = t; i < loads.Length; i += _lanes)
                sum += Raise(loads[i] * _inverseMax[t]);
            _norms[t] = max * Math.Pow(sum, 1.0 / Power);
            _weights[t] = max > 0 ? (float)(traffic.Weights[t] * _norms[t] / (Power * sum)) : 0;
        }
        if (objective == RobustObjective.Worst)
            FavourWorst();
    }

    /// <summary>The cost of a device with these loads, [lanes].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Cost(ref float loads, float allowance)
    {
        var (sum, added) = (Vector256<float>.Zero, Vector256.Create(allowance));
        for (nuint i = 0; i < (nuint)_lanes; i += (nuint)Vector256<float>.Count)
            sum += Term(Vector256.LoadUnsafe(ref loads, i) + added, i);
        return Vector256.Sum(sum);
    }

    /// <summary>The cost of two devices after loads have gone from the first to the second, [lanes].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float CostAfterShift(ref float first, ref float second, ref float leaves, ref float comes, float firstAllowance,
        float secondAllowance)
    {
        var (sum, a, b) = (Vector256<float>.Zero, Vector256.Create(firstAllowance), Vector256.Create(secondAllowance));
        for (nuint i = 0; i < (nuint)_lanes; i += (nuint)Vector256<float>.Count)
        {
            var shift = Vector256.LoadUnsafe(ref comes, i) - Vector256.LoadUnsafe(ref leaves, i);
            sum += Term(Vector256.LoadUnsafe(ref first, i) + shift + a, i) + Term(Vector256.LoadUnsafe(ref second, i) - shift + b, i);
        }
        return Vector256.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<float> Term(Vector256<float> load, nuint lane)
    {
        var x = load * Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_inverseMax), lane);
        for (var i = 0; i < _squarings; i++)
            x *= x;
        return x * Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(_weights), lane);
    }

    // Traces below the worst fade with a high power of their distance, so that several traces that are nearly worst count together.
    private void FavourWorst()
    {
        const int Sharpness = 64;
        var (worst, sum) = (_norms.Max(), 0.0);
        for (var t = 0; t < _lanes; t++)
            sum += traffic.Weights[t] > 0 ? Math.Pow(_norms[t] / worst, Sharpness) : 0;
        for (var t = 0; t < _lanes; t++)
            if (traffic.Weights[t] > 0)
                _weights[t] *= (float)(Math.Pow(_norms[t] / worst, Sharpness) / (sum * traffic.Weights[t]));
    }

    private float Raise(float x)
    {
        for (var i = 0; i < _squarings; i++)
            x *= x;
        return x;
    }
}
