using System.Diagnostics;

namespace Counterweight.Balancing.Policies.Robust;

/// <summary>
/// Shares search steps out to layers. With a time limit each layer gets the steps that its part of the time left has room for at the
/// speed so far, not a stretch of time: on a busy machine a thread may not run at all in the few milliseconds of its layer.
/// </summary>
internal sealed class SearchClock(RobustOptions options, int layers, CancellationToken cancellation)
{
    private const double FirstGuessPerSecond = 1e6;
    private const long LeastSteps = 1024;

    // Steps are planned for this part of the limit, and cut off at the limit.
    private const double PlannedPart = 0.92;

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Lock _lock = new();
    private double _steps, _seconds; // of all threads

    public int Threads { get; } = Math.Min(options.Threads, layers);

    /// <summary>The progress of a layer's search, 0 to 1, from the number of steps taken.</summary>
    public Func<long, double> Start(int layer)
    {
        if (options.Iterations is { } iterations)
            return step => cancellation.IsCancellationRequested ? 1 : (double)step / iterations;
        var steps = Math.Max(LeastSteps, StepsFor(layer));
        long first = -1, begun = 0;
        return step =>
        {
            if (step == 0)
                return 0;
            if (first < 0)
                (first, begun) = (step, Stopwatch.GetTimestamp());
            var isOver = cancellation.IsCancellationRequested || Stopwatch.GetElapsedTime(_start) > options.TimeLimit;
            if (step >= steps || isOver)
                Add(step - first, Stopwatch.GetElapsedTime(begun).TotalSeconds);
            return isOver ? 1 : (double)step / steps;
        };
    }

    private long StepsFor(int layer)
    {
        lock (_lock)
        {
            var rounds = (layers - layer + Threads - 1) / Threads;
            var left = options.TimeLimit.TotalSeconds * PlannedPart - Stopwatch.GetElapsedTime(_start).TotalSeconds;
            var perSecond = _seconds > 0 ? _steps / _seconds : FirstGuessPerSecond;
            return (long)(left / rounds * perSecond);
        }
    }

    private void Add(long steps, double seconds)
    {
        lock (_lock)
        {
            _steps += steps;
            _seconds += seconds;
        }
    }
}
