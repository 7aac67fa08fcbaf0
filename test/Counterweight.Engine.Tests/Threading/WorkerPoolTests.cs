using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Tests.Threading;

public class WorkerPoolTests
{
    public static TheoryData<int> Workers() => [1, 2, 3, 8];

    [Theory]
    [MemberData(nameof(Workers))]
    public void EveryItemRunsOnce(int workers)
    {
        using var pool = new WorkerPool(workers);
        foreach (var items in new[] { 0, 1, 2, 7, 1000 })
        {
            var runs = new int[items];
            var workersSeen = new int[workers];
            pool.Run(new ItemWork((item, worker) =>
            {
                Interlocked.Increment(ref runs[item]);
                Interlocked.Increment(ref workersSeen[worker]);
            }), items);
            Assert.All(runs, count => Assert.Equal(1, count));
            Assert.Equal(items, workersSeen.Sum());
        }
    }

    [Fact]
    public void NoTwoItemsShareAWorkerAtOnce()
    {
        using var pool = new WorkerPool(4);
        var busy = new int[4];
        pool.Run(new ItemWork((_, worker) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref busy[worker]));
            Thread.SpinWait(500);
            Interlocked.Decrement(ref busy[worker]);
        }), 500);
    }

    [Fact]
    public void PinnedWorkersHaveAProcessorEach()
    {
        if (ProcessorPinning.Processors.Count < 2)
            Assert.Skip("no two processors to pin to");
        // A thread of its own: the caller stays pinned.
        var failure = "did not run";
        var thread = new Thread(() =>
        {
            using var pool = new WorkerPool(2, pin: true);
            var seen = new int[2][];
            // Each worker waits for the other, so that both run.
            using var both = new Barrier(2);
            pool.Run(new ItemWork((_, worker) =>
            {
                both.SignalAndWait();
                seen[worker] = ProcessorPinning.AllowedHere();
            }), 2);
            failure = seen[0].Length == 1 && seen[1].Length == 1 && seen[0][0] != seen[1][0] ? "" : $"workers may run on {string.Join(' ', seen[0])} and {string.Join(' ', seen[1])}";
        });
        thread.Start();
        thread.Join();
        Assert.Equal("", failure);
    }

    [Fact]
    public void ManyTinyRunsInARow()
    {
        using var pool = new WorkerPool(3);
        var sum = 0L;
        var work = new ItemWork((item, _) => Interlocked.Add(ref sum, item + 1));
        var expected = 0L;
        for (var run = 0; run < 20_000; run++)
        {
            var items = run % 6;
            expected += items * (items + 1) / 2;
            pool.Run(work, items);
            Assert.Equal(expected, Volatile.Read(ref sum));
            if (run % 2000 == 0)
                Thread.Sleep(2); // long enough for the workers to park
        }
    }

    [Theory]
    [MemberData(nameof(Workers))]
    public void AnExceptionComesOutAsThrownAndThePoolStaysUsable(int workers)
    {
        using var pool = new WorkerPool(workers);
        for (var round = 0; round < 50; round++)
        {
            var failing = round % 10;
            var work = new ItemWork((item, _) =>
            {
                if (item == failing)
                    throw new FormatException($"item {item}");
            });
            Assert.Equal($"item {failing}", Assert.Throws<FormatException>(() => pool.Run(work, 10)).Message);
            var done = 0;
            pool.Run(new ItemWork((_, _) => Interlocked.Increment(ref done)), 10);
            Assert.Equal(10, done);
        }
    }

    [Fact]
    public void NoItemIsStillRunningWhenAnExceptionComesOut()
    {
        using var pool = new WorkerPool(4);
        var running = 0;
        Assert.Throws<FormatException>(() => pool.Run(new ItemWork((item, _) =>
        {
            Interlocked.Increment(ref running);
            Thread.SpinWait(20_000);
            Interlocked.Decrement(ref running);
            if (item == 2)
                throw new FormatException();
        }), 100));
        Assert.Equal(0, running);
    }

    [Fact]
    public void ARunInsideARunIsRefused()
    {
        using var pool = new WorkerPool(2);
        var inner = new ItemWork((_, _) => { });
        Assert.Throws<InvalidOperationException>(() => pool.Run(new ItemWork((_, _) => pool.Run(inner, 2)), 2));
        pool.Run(inner, 2);
    }

    [Fact]
    public void ARunAfterDisposeIsRefused()
    {
        var pool = new WorkerPool(2);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(new ItemWork((_, _) => { }), 2));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1025)]
    public void ImpossibleWorkerCountsAreRefused(int workers) => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(workers));

    [Fact]
    public void DisposeEndsTheThreads()
    {
        for (var i = 0; i < 50; i++)
        {
            using var pool = new WorkerPool(4);
            if (i % 2 == 0)
                pool.Run(new ItemWork((_, _) => { }), 8);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(1000)]
    public void RowWorkCoversEveryRowOnce(int rows)
    {
        using var pool = new WorkerPool(3);
        var seen = new int[rows];
        new RowWork(pool, (begin, end) =>
        {
            for (var row = begin; row < end; row++)
                Interlocked.Increment(ref seen[row]);
        }).Run(rows);
        Assert.All(seen, count => Assert.Equal(1, count));
    }
}
