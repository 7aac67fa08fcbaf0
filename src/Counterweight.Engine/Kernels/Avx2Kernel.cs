using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// AVX2 and FMA: the 16 outputs of a panel are two registers, low and high. Tiles of 6 rows × 1 panel, 2 rows × 2 panels or
/// 1 row × 4 panels: the sums fill most of the 16 registers and hide the latency of the multiply-add.
/// </summary>
internal sealed unsafe class Avx2Kernel(string name, CodeProduct codes) : PanelKernel(name, codes)
{
    private const int Half = PanelWidth / 2;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    protected override int MaxHalfRowsInRegisters => 6;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        for (var panel = 0; panel < panels.Count; panel++, widened += (nint)panels.Inputs * PanelWidth)
            for (var half = 0; half < PanelWidth; half += Half)
                switch (precision)
                {
                    case Precision.Fp16: WidenHalf<Fp16Avx2>(panels.Codes(panel), panels.Inputs, half, widened + half); break;
                    case Precision.Int8 or Precision.LlmInt8: WidenInt8(panels, panel, half, widened + half); break;
                    case Precision.Int4: WidenInt4(panels, panel, half, widened + half); break;
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
            default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no product of this precision");
        }
    }

    private static void WidenHalf<TCodes>(byte* codes, int inputs, int half, float* widened) where TCodes : struct, IAvx2Codes<TCodes>
    {
        var i = 0;
        for (; i < inputs - 1; i += 2)
        {
            TCodes.LoadTwo(codes, i, half, out var even, out var odd);
            even.Store(widened + (nint)i * PanelWidth);
            odd.Store(widened + (nint)i * PanelWidth + PanelWidth);
        }
        if (i < inputs)
            TCodes.LoadLast(codes, i, half).Store(widened + (nint)i * PanelWidth);
    }

    private static void WidenInt8(in PanelBlock panels, int panel, int half, float* widened)
    {
        var words = (int*)panels.Codes(panel) + half;
        var scales = (float*)panels.Scales(panel) + half;
        for (var begin = 0; begin < panels.Inputs; begin += panels.Group, scales += PanelWidth)
        {
            var scale = Vector256.Load(scales);
            var end = Math.Min(begin + panels.Group, panels.Inputs);
            var i = begin;
            for (; i <= end - 4; i += 4, widened += 4 * PanelWidth)
            {
                var codes = Vector256.Load(words + (nint)i * 4);
                (Avx2Integers.Int8(codes, 0) * scale).Store(widened);
                (Avx2Integers.Int8(codes, 1) * scale).Store(widened + PanelWidth);
                (Avx2Integers.Int8(codes, 2) * scale).Store(widened + 2 * PanelWidth);
                (Avx2Integers.Int8(codes, 3) * scale).Store(widened + 3 * PanelWidth);
            }
            for (; i < end; i++, widened += PanelWidth)
                (Avx2Integers.Int8(Vector256.Load(words + (nint)(i / 4) * 16), i % 4) * scale).Store(widened);
        }
    }

    private static void WidenInt4(in PanelBlock panels, int panel, int half, float* widened)
    {
        var words = (int*)panels.Codes(panel) + half;
        var scales = (float*)panels.Scales(panel) + half;
        for (var begin = 0; begin < panels.Inputs; begin += panels.Group, scales += PanelWidth)
        {
            var scale = Vector256.Load(scales);
            var end = Math.Min(begin + panels.Group, panels.Inputs);
            for (var i = begin; i < end; i += 8)
            {
                var codes = Vector256.Load(words + (nint)i * 2);
                for (var place = 0; place < Math.Min(8, end - i); place++, widened += PanelWidth)
                    (Avx2Integers.Int4(codes, place) * scale).Store(widened);
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
        var ahead = row == 0 ? panels.Ahead(panel, 1) : 0;
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2);
        float* x3 = rows.ClampedX(row + 3), x4 = rows.ClampedX(row + 4), x5 = rows.ClampedX(row + 5);
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default, l4 = default, l5 = default;
        Vector256<float> h0 = default, h1 = default, h2 = default, h3 = default, h4 = default, h5 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(codes, i, 0, out var evenLow, out var oddLow);
            TCodes.LoadTwo(codes, i, Half, out var evenHigh, out var oddHigh);
            TCodes.FetchTwo(codes + ahead, i);
            Accumulate(x0 + i, evenLow, evenHigh, ref l0, ref h0);
            Accumulate(x1 + i, evenLow, evenHigh, ref l1, ref h1);
            Accumulate(x2 + i, evenLow, evenHigh, ref l2, ref h2);
            Accumulate(x3 + i, evenLow, evenHigh, ref l3, ref h3);
            Accumulate(x4 + i, evenLow, evenHigh, ref l4, ref h4);
            Accumulate(x5 + i, evenLow, evenHigh, ref l5, ref h5);
            Accumulate(x0 + i + 1, oddLow, oddHigh, ref l0, ref h0);
            Accumulate(x1 + i + 1, oddLow, oddHigh, ref l1, ref h1);
            Accumulate(x2 + i + 1, oddLow, oddHigh, ref l2, ref h2);
            Accumulate(x3 + i + 1, oddLow, oddHigh, ref l3, ref h3);
            Accumulate(x4 + i + 1, oddLow, oddHigh, ref l4, ref h4);
            Accumulate(x5 + i + 1, oddLow, oddHigh, ref l5, ref h5);
        }
        if (i < panels.Inputs)
        {
            Vector256<float> low = TCodes.LoadLast(codes, i, 0), high = TCodes.LoadLast(codes, i, Half);
            Accumulate(x0 + i, low, high, ref l0, ref h0);
            Accumulate(x1 + i, low, high, ref l1, ref h1);
            Accumulate(x2 + i, low, high, ref l2, ref h2);
            Accumulate(x3 + i, low, high, ref l3, ref h3);
            Accumulate(x4 + i, low, high, ref l4, ref h4);
            Accumulate(x5 + i, low, high, ref l5, ref h5);
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
        var ahead = row == 0 ? panels.Ahead(panel, 2) : 0;
        float* x0 = rows.X(row), x1 = rows.X(row + 1);
        Vector256<float> l0 = default, l1 = default, h0 = default, h1 = default, m0 = default, m1 = default, k0 = default, k1 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            AccumulateTwo<TCodes>(x0 + i, x1 + i, first, i, 0, ref l0, ref l1);
            AccumulateTwo<TCodes>(x0 + i, x1 + i, first, i, Half, ref h0, ref h1);
            AccumulateTwo<TCodes>(x0 + i, x1 + i, second, i, 0, ref m0, ref m1);
            AccumulateTwo<TCodes>(x0 + i, x1 + i, second, i, Half, ref k0, ref k1);
            TCodes.FetchTwo(first + ahead, i);
            TCodes.FetchTwo(second + ahead, i);
        }
        if (i < panels.Inputs)
        {
            Vector256<float> low = TCodes.LoadLast(first, i, 0), high = TCodes.LoadLast(first, i, Half);
            Vector256<float> nextLow = TCodes.LoadLast(second, i, 0), nextHigh = TCodes.LoadLast(second, i, Half);
            Accumulate(x0 + i, low, high, ref l0, ref h0);
            Accumulate(x0 + i, nextLow, nextHigh, ref m0, ref k0);
            Accumulate(x1 + i, low, high, ref l1, ref h1);
            Accumulate(x1 + i, nextLow, nextHigh, ref m1, ref k1);
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
        var ahead = panels.Ahead(panel, 4);
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default, h0 = default, h1 = default, h2 = default, h3 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            AccumulateTwo<TCodes>(x + i, c0, i, ref l0, ref h0);
            AccumulateTwo<TCodes>(x + i, c1, i, ref l1, ref h1);
            AccumulateTwo<TCodes>(x + i, c2, i, ref l2, ref h2);
            AccumulateTwo<TCodes>(x + i, c3, i, ref l3, ref h3);
            TCodes.FetchTwo(c0 + ahead, i);
            TCodes.FetchTwo(c1 + ahead, i);
            TCodes.FetchTwo(c2 + ahead, i);
            TCodes.FetchTwo(c3 + ahead, i);
        }
        if (i < panels.Inputs)
        {
            Accumulate(x + i, TCodes.LoadLast(c0, i, 0), TCodes.LoadLast(c0, i, Half), ref l0, ref h0);
            Accumulate(x + i, TCodes.LoadLast(c1, i, 0), TCodes.LoadLast(c1, i, Half), ref l1, ref h1);
            Accumulate(x + i, TCodes.LoadLast(c2, i, 0), TCodes.LoadLast(c2, i, Half), ref l2, ref h2);
            Accumulate(x + i, TCodes.LoadLast(c3, i, 0), TCodes.LoadLast(c3, i, Half), ref l3, ref h3);
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

    /// <summary>Two inputs of one row and a whole panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AccumulateTwo<TCodes>(float* x, byte* codes, int input, ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
        where TCodes : struct, IAvx2Codes<TCodes>
    {
        Vector256<float> x0 = Vector256.Create(x[0]), x1 = Vector256.Create(x[1]);
        TCodes.LoadTwo(codes, input, 0, out var even, out var odd);
        sumLow = Fma.MultiplyAdd(x1, odd, Fma.MultiplyAdd(x0, even, sumLow));
        TCodes.LoadTwo(codes, input, Half, out even, out odd);
        sumHigh = Fma.MultiplyAdd(x1, odd, Fma.MultiplyAdd(x0, even, sumHigh));
    }

    /// <summary>Two inputs of two rows and half a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AccumulateTwo<TCodes>(
        float* x, float* next, byte* codes, int input, int half, ref Vector256<float> sum, ref Vector256<float> nextSum)
        where TCodes : struct, IAvx2Codes<TCodes>
    {
        TCodes.LoadTwo(codes, input, half, out var even, out var odd);
        sum = Fma.MultiplyAdd(Vector256.Create(x[1]), odd, Fma.MultiplyAdd(Vector256.Create(x[0]), even, sum));
        nextSum = Fma.MultiplyAdd(Vector256.Create(next[1]), odd, Fma.MultiplyAdd(Vector256.Create(next[0]), even, nextSum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, int panel, Vector256<float> low, Vector256<float> high)
    {
        low.Store(y + (nint)panel * PanelWidth);
        high.Store(y + (nint)panel * PanelWidth + Half);
    }
}
