using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Counterweight.Engine.Kernels;

namespace Counterweight.Bench;

/// <summary>What several threads reach together when they do nothing else.</summary>
internal static unsafe class MachineProbe
{
    /// <summary>More than any cache holds.</summary>
    private const long BytesToRead = 512L << 20;

    private const int Rounds = 5;

    /// <summary>Bytes per second that the threads read, each from memory of its own; the best round.</summary>
    public static double ReadBytesPerSecond(int threads)
    {
        using var memory = new AlignedBuffer(BytesToRead);
        memory.AsSpan<byte>().Fill(1);
        var part = BytesToRead / threads / 512 * 512;
        var start = (nint)memory.Pointer;
        return Best(threads, thread => Read((byte*)start + thread * part, part), part);
    }

    /// <summary>What the threads reach together of a peak that each measures for itself, in units a second.</summary>
    public static double Together(int threads, Func<double> billions)
    {
        var perThread = new double[threads];
        Parallel(threads, thread => perThread[thread] = billions() * 1e9);
        return perThread.Sum();
    }

    private static double Best(int threads, Action<int> work, double amountOfThread)
    {
        var best = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            Parallel(threads, work);
            best = Math.Min(best, clock.Elapsed.TotalSeconds);
        }
        return amountOfThread * threads / best;
    }

    private static void Parallel(int threads, Action<int> work)
    {
        var others = Enumerable.Range(1, threads - 1).Select(thread => new Thread(() => work(thread))).ToList();
        others.ForEach(thread => thread.Start());
        work(0);
        others.ForEach(thread => thread.Join());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Read(byte* memory, long bytes)
    {
        Vector512<int> a = default, b = default, c = default, d = default;
        for (long at = 0; at < bytes; at += 256)
        {
            a ^= Vector512.Load((int*)(memory + at));
            b ^= Vector512.Load((int*)(memory + at + 64));
            c ^= Vector512.Load((int*)(memory + at + 128));
            d ^= Vector512.Load((int*)(memory + at + 192));
        }
        return Vector512.Sum(a ^ b ^ c ^ d);
    }
}
