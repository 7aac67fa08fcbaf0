using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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

    /// <summary>fp32 operations per second in registers, a fused multiply-add being two.</summary>
    public static double FloatOperationsPerSecond(int threads)
    {
        var perThread = new double[threads];
        Parallel(threads, thread => perThread[thread] = Processor.PeakGflops() * 1e9);
        return perThread.Sum();
    }

    /// <summary>8-bit operations per second in registers: dot products of four bytes into 32 bits, 256 bits wide; 0 where the processor has none.</summary>
    public static double ByteOperationsPerSecond(int threads)
    {
        const int Steps = 5_000_000, Chains = 10;
        return AvxVnni.IsSupported ? Best(threads, _ => DotChains(Steps), 2.0 * Steps * Chains * Vector256<byte>.Count) : 0;
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

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int DotChains(int steps)
    {
        var x = Vector256.Create((byte)1);
        var w = Vector256.Create((sbyte)1);
        Vector256<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, i = default, j = default;
        for (var step = 0; step < steps; step++)
        {
            a = AvxVnni.MultiplyWideningAndAdd(a, x, w);
            b = AvxVnni.MultiplyWideningAndAdd(b, x, w);
            c = AvxVnni.MultiplyWideningAndAdd(c, x, w);
            d = AvxVnni.MultiplyWideningAndAdd(d, x, w);
            e = AvxVnni.MultiplyWideningAndAdd(e, x, w);
            f = AvxVnni.MultiplyWideningAndAdd(f, x, w);
            g = AvxVnni.MultiplyWideningAndAdd(g, x, w);
            h = AvxVnni.MultiplyWideningAndAdd(h, x, w);
            i = AvxVnni.MultiplyWideningAndAdd(i, x, w);
            j = AvxVnni.MultiplyWideningAndAdd(j, x, w);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j);
    }
}
