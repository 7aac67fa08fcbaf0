using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// Decides whether a change pays. What a perfectly balanced plan would show by chance is taken off the imbalance first; what is left must
/// pass a threshold to begin a change, and fall below a lower one to end it.
/// </summary>
internal sealed class SwapGate(StreamingOptions options, TimeProvider time, TrafficKinds kinds)
{
    private readonly WindowDispersion _dispersion = new();
    private bool _isChanging;
    private long? _lastSwap;

    /// <summary>What must be gained now, beyond chance.</summary>
    public double Threshold => _isChanging ? options.Release : options.Trigger;

    /// <summary>Whether the shortest interval has passed since the last swap.</summary>
    public bool IsOpen => _lastSwap is not { } last || time.GetElapsedTime(last) >= options.MinInterval;

    private double Dispersion => options.Dispersion ?? _dispersion.Value;

    /// <summary>Takes a window, to learn how much windows vary.</summary>
    public void Observe(ExpertLoads window) => _dispersion.Observe(window);

    /// <summary>The loads to expect: an estimate, as far as its tokens carry, and known kinds of traffic beyond that.</summary>
    public IExpectedLoads Expect(LoadEstimate estimate) => new ShrunkLoads(estimate, kinds.Explain(estimate), kinds.Layers, kinds.Experts, Dispersion);

    /// <summary>Remembers traffic that has ended.</summary>
    public void Learn(double[] tokens) => kinds.Learn(tokens);

    /// <summary>
    /// The device imbalance that chance alone makes of loads that are balanced in truth, mean over layers: D devices share n tokens with a
    /// relative deviation of √((D − 1) · dispersion / n) each, and the largest of D normal deviates is below √(2 ln D) of them on average.
    /// </summary>
    public double Chance(Plan plan, IExpectedLoads expected)
    {
        double sum = 0;
        var (devices, dispersion) = (plan.Devices, Dispersion);
        for (var l = 0; l < plan.Layers.Count; l++)
            if (expected.EffectiveTokens(l) is > 0 and var tokens)
                sum += Math.Sqrt((devices - 1) * dispersion / tokens * 2 * Math.Log(devices));
        return sum / plan.Layers.Count;
    }

    /// <summary>Nothing more to gain: the next change must be worth the higher threshold.</summary>
    public void End() => _isChanging = false;

    /// <summary>A swap was tried, with success or without.</summary>
    public void Tried()
    {
        _isChanging = true;
        _lastSwap = time.GetTimestamp();
    }
}
