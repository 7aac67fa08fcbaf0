using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Engine.Kernels;

namespace Counterweight.Bench;

/// <summary>What the figures are to be read against: the measured limits of one thread.</summary>
internal static unsafe class Processor
{
    /// <summary>GB/s that one thread reads from memory.</summary>
    public static double ReadBandwidth()
    {
        using var buffer = new AlignedBuffer(256L << 20);
        var seconds = BestSeconds(() => Sum(buffer.Floats, buffer.Bytes / sizeof(float)));
        return buffer.Bytes / seconds / 1e9;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Sum(float* values, long count)
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        for (var end = values + count; values < end; values += 32)
        {
            a += Vector256.Load(values);
            b += Vector256.Load(values + 8);
            c += Vector256.Load(values + 16);
            d += Vector256.Load(values + 24);
        }
        return Vector256.Sum(a + b + c + d);
    }

    /// <summary>GFLOP/s of one thread that does nothing but fused multiply-adds, in the widest registers there are.</summary>
    public static double PeakGflops()
    {
        const int Steps = 200_000, Chains = 12;
        var seconds = BestSeconds(() => FmaChains(Steps));
        var width = Avx512F.IsSupported ? Vector512<float>.Count : Vector256<float>.Count;
        return Fma.IsSupported ? 2.0 * Steps * Chains * width / seconds / 1e9 : 0;
    }

    /// <summary>The shortest of the runs that fit into a quarter of a second, at least five.</summary>
    public static double BestSeconds(Action action)
    {
        action();
        var best = double.PositiveInfinity;
        var whole = Stopwatch.StartNew();
        for (var run = 0; run < 5 || whole.Elapsed.TotalSeconds < 0.25; run++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float FmaChains(int steps)
    {
        if (Avx512F.IsSupported)
        {
            var f = Vector512.Create(0.999f);
            Vector512<float> a = f, b = f, c = f, d = f, e = f, g = f, h = f, k = f, l = f, m = f, n = f, o = f;
            for (var i = 0; i < steps; i++)
            {
                a = Avx512F.FusedMultiplyAdd(a, f, f);
                b = Avx512F.FusedMultiplyAdd(b, f, f);
                c = Avx512F.FusedMultiplyAdd(c, f, f);
                d = Avx512F.FusedMultiplyAdd(d, f, f);
                e = Avx512F.FusedMultiplyAdd(e, f, f);
                g = Avx512F.FusedMultiplyAdd(g, f, f);
                h = Avx512F.FusedMultiplyAdd(h, f, f);
                k = Avx512F.FusedMultiplyAdd(k, f, f);
                l = Avx512F.FusedMultiplyAdd(l, f, f);
                m = Avx512F.FusedMultiplyAdd(m, f, f);
                n = Avx512F.FusedMultiplyAdd(n, f, f);
                o = Avx512F.FusedMultiplyAdd(o, f, f);
            }
            return Vector512.Sum(a + b + c + d + e + g + h + k + l + m + n + o);
        }
        return Fma.IsSupported ? FmaChains256(steps) : 0;
    }

    private static float FmaChains256(int steps)
    {
        var f = Vector256.Create(0.999f);
        Vector256<float> a = f, b = f, c = f, d = f, e = f, g = f, h = f, k = f, l = f, m = f, n = f, o = f;
        for (var i = 0; i < steps; i++)
        {
            a = Fma.MultiplyAdd(a, f, f);
            b = Fma.MultiplyAdd(b, f, f);
            c = Fma.MultiplyAdd(c, f, f);
            d = Fma.MultiplyAdd(d, f, f);
            e = Fma.MultiplyAdd(e, f, f);
            g = Fma.MultiplyAdd(g, f, f);
            h = Fma.MultiplyAdd(h, f, f);
            k = Fma.MultiplyAdd(k, f, f);
            l = Fma.MultiplyAdd(l, f, f);
            m = Fma.MultiplyAdd(m, f, f);
            n = Fma.MultiplyAdd(n, f, f);
            o = Fma.MultiplyAdd(o, f, f);
        }
        return Vector256.Sum(a + b + c + d + e + g + h + k + l + m + n + o);
    }
}
