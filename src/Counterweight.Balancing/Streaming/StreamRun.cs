using Counterweight.Balancing.Loads;
using Counterweight.Balancing.Plans;
using Counterweight.Balancing.Splits;

namespace Counterweight.Balancing.Streaming;

/// <summary>What a window was served with and how. Scores are means over layers.</summary>
/// <param name="Segment">The segment that it is of, 0-based.</param>
/// <param name="Plan">The plan that served it.</param>
/// <param name="Moves">Experts moved before it.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Lis">LIS of its slot loads, even split.</param>
/// <param name="CumulativeLis">LIS of the slot loads since the stream's start.</param>
/// <param name="Even">Device imbalance, even split (and by gate: the same counts).</param>
/// <param name="LeastLoaded">Device imbalance, least-loaded split.</param>
public sealed record StreamWindow(int Segment, Plan Plan, int Moves, long Bytes, double Lis, double CumulativeLis, double Even, double LeastLoaded);

/// <summary>A controller on a stream, under a clock of its own: equal inputs give equal results.</summary>
/// <param name="Stream">The stream's name.</param>
/// <param name="Segments">The segments' names.</param>
/// <param name="Controller">The controller's name, or <c>none</c>.</param>
/// <param name="Windows">All windows in order.</param>
public sealed record StreamRun(string Stream, IReadOnlyList<string> Segments, string Controller, IReadOnlyList<StreamWindow> Windows)
{
    /// <summary>The name of runs whose plan never changes.</summary>
    public const string None = "none";

    /// <summary>Mean over windows and layers of the device imbalance, even split.</summary>
    public double MeanEven => Windows.Average(window => window.Even);

    /// <summary>The same, least-loaded split.</summary>
    public double MeanLeastLoaded => Windows.Average(window => window.LeastLoaded);

    /// <summary>Mean over windows and layers of the LIS.</summary>
    public double MeanLis => Windows.Average(window => window.Lis);

    /// <summary>Experts moved.</summary>
    public long Moves => Windows.Sum(window => (long)window.Moves);

    /// <summary>Bytes moved.</summary>
    public long Bytes => Windows.Sum(window => window.Bytes);

    /// <summary>Serves a stream; swaps take effect before the next window.</summary>
    /// <param name="stream">The traffic.</param>
    /// <param name="controller">A new controller, made with <paramref name="clock"/>; null never changes <paramref name="first"/>.</param>
    /// <param name="first">The plan that the stream starts with.</param>
    /// <param name="clock">The clock of the controller.</param>
    /// <param name="interval">The time that each window takes.</param>
    public static StreamRun Serve(LoadStream stream, StreamingController? controller, Plan first, StreamClock clock, TimeSpan interval)
    {
        var windows = new List<StreamWindow>();
        var meter = new StreamMeter(first);
        var (plan, moves, bytes) = (first, 0, 0L);
        for (var s = 0; s < stream.Segments.Count; s++)
        {
            var coming = stream.Segments[s].Windows;
            for (var w = 0; w < coming.Count; w++)
            {
                if (controller?.ForeseesAfter == w)
                    Apply(controller.Foresee(ExpertLoads.Sum([.. coming.Skip(w)])));
                var window = coming[w];
                windows.Add(meter.Measure(plan, window) with { Segment = s, Moves = moves, Bytes = bytes });
                (moves, bytes) = (0, 0);
                clock.Advance(interval);
                Apply(controller?.Observe(window));
            }
        }
        return new StreamRun(stream.Name, [.. stream.Segments.Select(segment => segment.Name)], controller?.Name ?? None, windows);

        void Apply(PlanSwap? swap)
        {
            if (swap is null)
                return;
            controller!.Complete(swap, succeeded: true);
            (plan, moves, bytes) = (swap.After, moves + swap.Moves.Count, bytes + swap.Bytes);
        }
    }
}

/// <summary>A clock that only moves when told to.</summary>
public sealed class StreamClock : TimeProvider
{
    private long _ticks;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => _ticks;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks);

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan time) => _ticks += time.Ticks;
}

/// <summary>Measures windows under the plans that serve them.</summary>
internal sealed class StreamMeter(Plan first)
{
    private readonly double[][] _slotTotals = [.. first.Layers.Select(layer => new double[layer.Slots.Count])];

    public StreamWindow Measure(Plan plan, ExpertLoads window)
    {
        var (lis, cumulative, even, least) = (new double[window.Layers], new double[window.Layers], new double[window.Layers], new double[window.Layers]);
        Parallel.For(0, window.Layers, l =>
        {
            var slots = new SlotTable(plan.Layers[l].Slots, window.Experts);
            var (loads, devices) = (new double[slots.Slots.Count], new double[plan.Devices]);
            for (var s = 0; s < loads.Length; s++)
            {
                loads[s] = (double)window[l][slots.ExpertOf[s]] / slots.CopiesOf(slots.ExpertOf[s]).Length;
                devices[slots.DeviceOf[s]] += loads[s];
                _slotTotals[l][s] += loads[s];
            }
            lis[l] = LoadImbalance.MaxOverMean((ReadOnlySpan<double>)loads);
            cumulative[l] = LoadImbalance.MaxOverMean((ReadOnlySpan<double>)_slotTotals[l]);
            even[l] = LoadImbalance.MaxOverMean((ReadOnlySpan<double>)devices);
            least[l] = Forecast.LoadForecast.LeastLoadedImbalance(slots, plan.Devices, window[l]);
        });
        return new StreamWindow(0, plan, 0, 0, lis.Average(), cumulative.Average(), even.Average(), least.Average());
    }
}
