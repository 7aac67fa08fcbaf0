using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// AVX2 and FMA: the 16 outputs of a panel are two registers, low and high. Tiles of 6 rows × 1 panel, 2 rows × 2 panels or
/// 1 row × 4 panels: the sums fill most of the 16 registers and hide the latency of the multiply-add.
/// </summary>
internal sealed unsafe class Avx2Kernel : PanelKernel
{
    private const int Half = PanelWidth / 2;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    public override string Name => "avx2";

    protected override int MaxRowsInRegisters => 6;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        switch (precision)
        {
            case Precision.Bf16: Widen<Bf16Avx2>(panels, widened); break;
            case Precision.Fp16: Widen<Fp16Avx2>(panels, widened); break;
            case Precision.Int8: Widen<Int8Avx2>(panels, widened); break;
            case Precision.LlmInt8: Widen<LlmInt8Avx2>(panels, widened); break;
            case Precision.Int4: Widen<Int4Avx2>(panels, widened); break;
            default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no codes to widen");
        }
    }

    public override void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows)
    {
        switch (precision)
        {
            case Precision.Fp32: Tiles<Fp32Avx2>(panels, rows); break;
            case Precision.Bf16: Tiles<Bf16Avx2>(panels, rows); break;
            case Precision.Fp16: Tiles<Fp16Avx2>(panels, rows); break;
            case Precision.Int8: Tiles<Int8Avx2>(panels, rows); break;
            case Precision.Int4: Tiles<Int4Avx2>(panels, rows); break;
            default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no product of this precision");
        }
    }

    private static void Widen<TCodes>(in PanelBlock panels, float* widened) where TCodes : struct, IAvx2Codes<TCodes>
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
            {
                var codes = panels.Codes(panel);
                var low = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group, 0);
                var high = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group, Half);
                var end = Math.Min(begin + TCodes.Group, panels.Inputs);
                for (var i = begin; i < end; i++, widened += PanelWidth)
                {
                    TCodes.Load(codes, i, 0, low).Store(widened);
                    TCodes.Load(codes, i, Half, high).Store(widened + Half);
                }
            }
    }

    private static void Tiles<TCodes>(in PanelBlock panels, in RowBlock rows) where TCodes : struct, IAvx2Codes<TCodes>
    {
        // Five rows or more; four are faster as two and two.
        var tiled = (rows.Count + 1) / 6 * 6;
        for (var panel = 0; panel < panels.Count; panel++)
            for (var r = 0; r < tiled; r += 6)
                SixRows<TCodes>(panels, panel, rows, r);
        var row = tiled;
        for (; row + 1 < rows.Count; row += 2)
            for (var panel = 0; panel < panels.Count; panel += 2)
                TwoRows<TCodes>(panels, panel, rows, row);
        if (row < rows.Count)
            for (var panel = 0; panel < panels.Count; panel += 4)
                OneRow<TCodes>(panels, panel, rows.X(row), rows.Y(row));
    }

    private static void SixRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx2Codes<TCodes>
    {
        var codes = panels.Codes(panel);
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2);
        float* x3 = rows.ClampedX(row + 3), x4 = rows.ClampedX(row + 4), x5 = rows.ClampedX(row + 5);
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default, l4 = default, l5 = default;
        Vector256<float> h0 = default, h1 = default, h2 = default, h3 = default, h4 = default, h5 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var lowScale = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group, 0);
            var highScale = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group, Half);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            for (var i = begin; i < end; i++)
            {
                var low = TCodes.Load(codes, i, 0, lowScale);
                var high = TCodes.Load(codes, i, Half, highScale);
                Accumulate(x0 + i, low, high, ref l0, ref h0);
                Accumulate(x1 + i, low, high, ref l1, ref h1);
                Accumulate(x2 + i, low, high, ref l2, ref h2);
                Accumulate(x3 + i, low, high, ref l3, ref h3);
                Accumulate(x4 + i, low, high, ref l4, ref h4);
                Accumulate(x5 + i, low, high, ref l5, ref h5);
            }
        }
        Store(rows.Y(row), panel, l0, h0);
        Store(rows.ClampedY(row + 1), panel, l1, h1);
        Store(rows.ClampedY(row + 2), panel, l2, h2);
        Store(rows.ClampedY(row + 3), panel, l3, h3);
        Store(rows.ClampedY(row + 4), panel, l4, h4);
        Store(rows.ClampedY(row + 5), panel, l5, h5);
    }

    private static void TwoRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx2Codes<TCodes>
    {
        // An odd last panel stands in for its missing neighbour.
        var next = Math.Min(panel + 1, panels.Count - 1);
        byte* first = panels.Codes(panel), second = panels.Codes(next);
        float* x0 = rows.X(row), x1 = rows.X(row + 1);
        Vector256<float> l0 = default, l1 = default, h0 = default, h1 = default, m0 = default, m1 = default, k0 = default, k1 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var group = begin / TCodes.Group;
            byte* scales = panels.Scales(panel), nextScales = panels.Scales(next);
            Vector256<float> s0 = TCodes.Scale(scales, group, 0), s1 = TCodes.Scale(scales, group, Half);
            Vector256<float> s2 = TCodes.Scale(nextScales, group, 0), s3 = TCodes.Scale(nextScales, group, Half);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            for (var i = begin; i < end; i++)
            {
                Vector256<float> low = TCodes.Load(first, i, 0, s0), high = TCodes.Load(first, i, Half, s1);
                Accumulate(x0 + i, low, high, ref l0, ref h0);
                Accumulate(x1 + i, low, high, ref l1, ref h1);
                Vector256<float> nextLow = TCodes.Load(second, i, 0, s2), nextHigh = TCodes.Load(second, i, Half, s3);
                Accumulate(x0 + i, nextLow, nextHigh, ref m0, ref k0);
                Accumulate(x1 + i, nextLow, nextHigh, ref m1, ref k1);
            }
        }
        Store(rows.Y(row), panel, l0, h0);
        Store(rows.Y(row), next, m0, k0);
        Store(rows.Y(row + 1), panel, l1, h1);
        Store(rows.Y(row + 1), next, m1, k1);
    }

    private static void OneRow<TCodes>(in PanelBlock panels, int panel, float* x, float* y) where TCodes : struct, IAvx2Codes<TCodes>
    {
        var last = panels.Count - 1;
        int p1 = Math.Min(panel + 1, last), p2 = Math.Min(panel + 2, last), p3 = Math.Min(panel + 3, last);
        byte* c0 = panels.Codes(panel), c1 = panels.Codes(p1), c2 = panels.Codes(p2), c3 = panels.Codes(p3);
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default, h0 = default, h1 = default, h2 = default, h3 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var group = begin / TCodes.Group;
            Vector256<float> s0 = TCodes.Scale(panels.Scales(panel), group, 0), t0 = TCodes.Scale(panels.Scales(panel), group, Half);
            Vector256<float> s1 = TCodes.Scale(panels.Scales(p1), group, 0), t1 = TCodes.Scale(panels.Scales(p1), group, Half);
            Vector256<float> s2 = TCodes.Scale(panels.Scales(p2), group, 0), t2 = TCodes.Scale(panels.Scales(p2), group, Half);
            Vector256<float> s3 = TCodes.Scale(panels.Scales(p3), group, 0), t3 = TCodes.Scale(panels.Scales(p3), group, Half);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            var i = begin;
            for (; i < end - 1; i += 2)
            {
                AccumulateTwo<TCodes>(x + i, c0, i, s0, t0, ref l0, ref h0);
                AccumulateTwo<TCodes>(x + i, c1, i, s1, t1, ref l1, ref h1);
                AccumulateTwo<TCodes>(x + i, c2, i, s2, t2, ref l2, ref h2);
                AccumulateTwo<TCodes>(x + i, c3, i, s3, t3, ref l3, ref h3);
            }
            if (i < end)
            {
                Accumulate(x + i, TCodes.Load(c0, i, 0, s0), TCodes.Load(c0, i, Half, t0), ref l0, ref h0);
                Accumulate(x + i, TCodes.Load(c1, i, 0, s1), TCodes.Load(c1, i, Half, t1), ref l1, ref h1);
                Accumulate(x + i, TCodes.Load(c2, i, 0, s2), TCodes.Load(c2, i, Half, t2), ref l2, ref h2);
                Accumulate(x + i, TCodes.Load(c3, i, 0, s3), TCodes.Load(c3, i, Half, t3), ref l3, ref h3);
            }
        }
        Store(y, panel, l0, h0);
        Store(y, p1, l1, h1);
        Store(y, p2, l2, h2);
        Store(y, p3, l3, h3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(
        float* x, Vector256<float> low, Vector256<float> high, ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
    {
        var broadcast = Vector256.Create(*x);
        sumLow = Fma.MultiplyAdd(broadcast, low, sumLow);
        sumHigh = Fma.MultiplyAdd(broadcast, high, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AccumulateTwo<TCodes>(
        float* x, byte* codes, int input, Vector256<float> lowScale, Vector256<float> highScale,
        ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
        where TCodes : struct, IAvx2Codes<TCodes>
    {
        Vector256<float> x0 = Vector256.Create(x[0]), x1 = Vector256.Create(x[1]);
        TCodes.LoadTwo(codes, input, 0, lowScale, out var even, out var odd);
        sumLow = Fma.MultiplyAdd(x1, odd, Fma.MultiplyAdd(x0, even, sumLow));
        TCodes.LoadTwo(codes, input, Half, highScale, out even, out odd);
        sumHigh = Fma.MultiplyAdd(x1, odd, Fma.MultiplyAdd(x0, even, sumHigh));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, int panel, Vector256<float> low, Vector256<float> high)
    {
        low.Store(y + (nint)panel * PanelWidth);
        high.Store(y + (nint)panel * PanelWidth + Half);
    }
}
