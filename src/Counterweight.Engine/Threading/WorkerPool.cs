using System.Runtime.ExceptionServices;

namespace Counterweight.Engine.Threading;

/// <summary>Work that is cut into independent items. One instance is reused for every run, so nothing is allocated.</summary>
public interface IParallelWork
{
    /// <summary>Does one item.</summary>
    /// <param name="item">0 … items - 1.</param>
    /// <param name="worker">The worker that runs it, 0 … <see cref="WorkerPool.Workers"/> - 1: scratch memory is per worker.</param>
    void Run(int item, int worker);
}

/// <summary>
/// Threads that share the items of one piece of work and meet at a barrier. The caller is worker 0. Each worker begins with a stretch of items of its own, so that
/// what it wrote in one phase is in its cache in the next, and then takes what is left of the others'. A waiting worker spins for some microseconds, since the next phase
/// of a forward pass is usually that near, and then parks.
/// </summary>
public sealed class WorkerPool : IDisposable
{
    /// <summary>Spins before parking; about 20 µs. Longer spins starve a machine that runs other things as well.</summary>
    private const int SpinsBeforeParking = 400;

    /// <summary>An item number that no work has: there is nothing to take.</summary>
    private const int Closed = int.MaxValue / 2;

    /// <summary>Counters lie this far apart: two in one cache line, or in its neighbour that is fetched with it, would slow each other down.</summary>
    private const int CounterStride = 32;

    [ThreadStatic]
    private static WorkerPool? _pinnedFor;

    private readonly Thread[] _threads;
    private readonly int[] _next; // [workers][CounterStride]: the next item of each worker's stretch
    private readonly bool _pin;
    private readonly object _gate = new();
    private IParallelWork? _work;
    private ExceptionDispatchInfo? _failure;
    private int _items;
    private int _active;
    private int _epoch;
    private int _parked;
    private int _busy;
    private bool _stopping;

    /// <summary>Starts <paramref name="workers"/> - 1 threads.</summary>
    /// <param name="workers">1 to 1024; default: one for each core.</param>
    /// <param name="pin">
    /// Keeps every worker on a processor of its own, also threads that call <see cref="Run"/>, for good. Without effect where there are more workers than processors, and outside Linux.
    /// </param>
    public WorkerPool(int? workers = null, bool pin = false)
    {
        _pin = pin;
        Workers = workers ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1, nameof(workers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Workers, 1024, nameof(workers));
        _next = new int[Workers * CounterStride];
        Array.Fill(_next, Closed);
        _threads = new Thread[Workers - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => WorkerLoop(worker)) { IsBackground = true, Name = $"worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Number of workers, the caller included.</summary>
    public int Workers { get; }

    /// <summary>
    /// Runs all items and returns when they are done. The first exception of an item comes out as it was thrown, once no worker is at
    /// work any more; items that nobody had begun are dropped, and the pool can be used again.
    /// </summary>
    /// <exception cref="InvalidOperationException">Another run is under way: on another thread, or this is called from inside an item.</exception>
    /// <exception cref="ObjectDisposedException">The threads have ended.</exception>
    public void Run(IParallelWork work, int items)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        if (_pin)
            Pin(0);
        if (items <= 1 || Workers == 1)
        {
            for (var item = 0; item < items; item++)
                work.Run(item, 0);
            return;
        }
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("the worker pool is at work already");
        _work = work;
        _items = items;
        // A worker that is late from the former run may take items from here on.
        for (var worker = 0; worker < Workers; worker++)
            Volatile.Write(ref _next[worker * CounterStride], StretchOf(worker));
        Interlocked.Increment(ref _epoch);
        if (Volatile.Read(ref _parked) > 0)
            WakeParked();
        TakeItems(0);
        WaitForOthers();
        Close();
        _work = null;
        var failure = _failure;
        _failure = null;
        Volatile.Write(ref _busy, 0);
        failure?.Throw();
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        Interlocked.Increment(ref _epoch);
        WakeParked();
        foreach (var thread in _threads)
            thread.Join();
    }

    private void Pin(int worker)
    {
        if (_pinnedFor == this)
            return;
        _pinnedFor = this;
        ProcessorPinning.TryPin(worker, Workers);
    }

    private void WorkerLoop(int worker)
    {
        if (_pin)
            Pin(worker);
        for (var seen = 0; ;)
        {
            seen = WaitForEpochAfter(seen);
            if (_stopping)
                return;
            Interlocked.Increment(ref _active);
            TakeItems(worker);
            Interlocked.Decrement(ref _active);
        }
    }

    private void TakeItems(int worker)
    {
        try
        {
            for (var w = 0; w < Workers; w++)
            {
                var owner = (worker + w) % Workers;
                for (int item; (item = Interlocked.Increment(ref _next[owner * CounterStride]) - 1) < StretchOf(owner + 1);)
                    _work!.Run(item, worker);
            }
        }
        catch (Exception failure)
        {
            // The first failure is the one that the caller sees; items that nobody took yet are dropped.
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            Close();
        }
    }

    /// <summary>The first item of a worker's stretch.</summary>
    private int StretchOf(int worker) => (int)((long)_items * worker / Workers);

    private void Close()
    {
        for (var worker = 0; worker < Workers; worker++)
            Volatile.Write(ref _next[worker * CounterStride], Closed);
    }

    private int WaitForEpochAfter(int seen)
    {
        for (var spin = 0; spin < SpinsBeforeParking; spin++)
        {
            if (Volatile.Read(ref _epoch) is var epoch && epoch != seen)
                return epoch;
            Thread.SpinWait(8);
        }
        lock (_gate)
        {
            Interlocked.Increment(ref _parked);
            while (Volatile.Read(ref _epoch) == seen)
                Monitor.Wait(_gate);
            Interlocked.Decrement(ref _parked);
            return Volatile.Read(ref _epoch);
        }
    }

    /// <summary>Whoever has an item has counted itself as active before; one that has not woken up yet is not waited for.</summary>
    private void WaitForOthers()
    {
        for (var spin = 0; Volatile.Read(ref _active) > 0; spin++)
        {
            // A preempted worker needs the core that this thread would spin on.
            if (spin < SpinsBeforeParking)
                Thread.SpinWait(8);
            else
                Thread.Yield();
        }
    }

    private void WakeParked()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
    }
}
