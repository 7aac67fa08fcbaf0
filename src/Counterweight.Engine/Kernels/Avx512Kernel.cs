using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>AVX-512: the 16 outputs of a panel are one register. Tiles of 12, 8 or 4 rows × 2 panels, or 2 rows or 1 × 4 panels.</summary>
internal sealed unsafe class Avx512Kernel(string name, CodeProduct codes) : PanelKernel(name, codes)
{
    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    protected override int MaxHalfRowsInRegisters => 12;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        for (var panel = 0; panel < panels.Count; panel++, widened += (nint)panels.Inputs * PanelWidth)
            switch (precision)
            {
                case Precision.Fp16: WidenPanel<Fp16Avx512>(panels.Codes(panel), panels.Inputs, widened); break;
                case Precision.Int8 or Precision.LlmInt8: WidenInt8(panels, panel, widened); break;
                case Precision.Int4: WidenInt4(panels, panel, widened); break;
                default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no codes to widen");
            }
    }

    public override void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows)
    {
        switch (precision)
        {
            case Precision.Fp32: Tiles<Fp32Avx512>(panels, rows); break;
            case Precision.Bf16: Tiles<Bf16Avx512>(panels, rows); break;
            case Precision.Fp16: Tiles<Fp16Avx512>(panels, rows); break;
            default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no product of this precision");
        }
    }

    private static void WidenPanel<TCodes>(byte* codes, int inputs, float* widened) where TCodes : struct, IAvx512Codes<TCodes>
    {
        var i = 0;
        for (; i < inputs - 1; i += 2)
        {
            TCodes.LoadTwo(codes, i, out var even, out var odd);
            even.Store(widened + (nint)i * PanelWidth);
            odd.Store(widened + (nint)i * PanelWidth + PanelWidth);
        }
        if (i < inputs)
            TCodes.LoadLast(codes, i).Store(widened + (nint)i * PanelWidth);
    }

    private static void WidenInt8(in PanelBlock panels, int panel, float* widened)
    {
        var words = (int*)panels.Codes(panel);
        var scales = (float*)panels.Scales(panel);
        for (var begin = 0; begin < panels.Inputs; begin += panels.Group, scales += PanelWidth)
        {
            var scale = Vector512.Load(scales);
            var end = Math.Min(begin + panels.Group, panels.Inputs);
            var i = begin;
            for (; i <= end - 4; i += 4, widened += 4 * PanelWidth)
            {
                var codes = Vector512.Load(words + (nint)i * 4);
                (Avx512Integers.Int8(codes, 0) * scale).Store(widened);
                (Avx512Integers.Int8(codes, 1) * scale).Store(widened + PanelWidth);
                (Avx512Integers.Int8(codes, 2) * scale).Store(widened + 2 * PanelWidth);
                (Avx512Integers.Int8(codes, 3) * scale).Store(widened + 3 * PanelWidth);
            }
            for (; i < end; i++, widened += PanelWidth)
                (Avx512Integers.Int8(Vector512.Load(words + (nint)(i / 4) * 16), i % 4) * scale).Store(widened);
        }
    }

    private static void WidenInt4(in PanelBlock panels, int panel, float* widened)
    {
        var words = (int*)panels.Codes(panel);
        var scales = (float*)panels.Scales(panel);
        for (var begin = 0; begin < panels.Inputs; begin += panels.Group, scales += PanelWidth)
        {
            var scale = Vector512.Load(scales);
            var end = Math.Min(begin + panels.Group, panels.Inputs);
            for (var i = begin; i < end; i += 8)
            {
                var codes = Vector512.Load(words + (nint)i * 2);
                for (var place = 0; place < Math.Min(8, end - i); place++, widened += PanelWidth)
                    (Avx512Integers.Int4(codes, place) * scale).Store(widened);
            }
        }
    }

    private static void Tiles<TCodes>(in PanelBlock panels, in RowBlock rows) where TCodes : struct, IAvx512Codes<TCodes>
    {
        if (rows.Count == 1)
            for (var panel = 0; panel < panels.Count; panel += 4)
                OneRow<TCodes>(panels, panel, rows.X(0), rows.Y(0));
        else if (rows.Count == 2)
            for (var panel = 0; panel < panels.Count; panel += 4)
                TwoRows<TCodes>(panels, panel, rows);
        else
            for (var panel = 0; panel < panels.Count; panel += 2)
            {
                var r = 0;
                for (; rows.Count - r > 8; r += 12)
                    TwelveRows<TCodes>(panels, panel, rows, r);
                for (; rows.Count - r > 4; r += 8)
                    EightRows<TCodes>(panels, panel, rows, r);
                if (r < rows.Count)
                    FourRows<TCodes>(panels, panel, rows, r);
            }
    }


    /// <summary>How far ahead of its two panels a tile fetches: the first tile of rows fetches what follows the first panel, the next one what follows the second, if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (nint First, nint Second) FetchedBy(int row, in PanelBlock panels, int panel, int rows)
    {
        var ahead = panels.Ahead(panel, 2);
        return (row == 0 ? ahead : 0, row == (rows > 12 ? 12 : 0) ? ahead : 0);
    }

    private static void TwelveRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx512Codes<TCodes>
    {
        // An odd last panel stands in for its missing neighbour.
        var next = Math.Min(panel + 1, panels.Count - 1);
        byte* first = panels.Codes(panel), second = panels.Codes(next);
        var (ahead, aheadSecond) = FetchedBy(row, panels, panel, rows.Count);
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2), x3 = rows.ClampedX(row + 3);
        float* x4 = rows.ClampedX(row + 4), x5 = rows.ClampedX(row + 5), x6 = rows.ClampedX(row + 6), x7 = rows.ClampedX(row + 7);
        float* x8 = rows.ClampedX(row + 8), x9 = rows.ClampedX(row + 9), x10 = rows.ClampedX(row + 10), x11 = rows.ClampedX(row + 11);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> a8 = default, a9 = default, a10 = default, a11 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        Vector512<float> b8 = default, b9 = default, b10 = default, b11 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(first, i, out var evenA, out var oddA);
            TCodes.LoadTwo(second, i, out var evenB, out var oddB);
            TCodes.FetchTwo(first + ahead, i);
            TCodes.FetchTwo(second + aheadSecond, i);
            Accumulate(x0 + i, evenA, evenB, ref a0, ref b0);
            Accumulate(x1 + i, evenA, evenB, ref a1, ref b1);
            Accumulate(x2 + i, evenA, evenB, ref a2, ref b2);
            Accumulate(x3 + i, evenA, evenB, ref a3, ref b3);
            Accumulate(x4 + i, evenA, evenB, ref a4, ref b4);
            Accumulate(x5 + i, evenA, evenB, ref a5, ref b5);
            Accumulate(x6 + i, evenA, evenB, ref a6, ref b6);
            Accumulate(x7 + i, evenA, evenB, ref a7, ref b7);
            Accumulate(x8 + i, evenA, evenB, ref a8, ref b8);
            Accumulate(x9 + i, evenA, evenB, ref a9, ref b9);
            Accumulate(x10 + i, evenA, evenB, ref a10, ref b10);
            Accumulate(x11 + i, evenA, evenB, ref a11, ref b11);
            Accumulate(x0 + i + 1, oddA, oddB, ref a0, ref b0);
            Accumulate(x1 + i + 1, oddA, oddB, ref a1, ref b1);
            Accumulate(x2 + i + 1, oddA, oddB, ref a2, ref b2);
            Accumulate(x3 + i + 1, oddA, oddB, ref a3, ref b3);
            Accumulate(x4 + i + 1, oddA, oddB, ref a4, ref b4);
            Accumulate(x5 + i + 1, oddA, oddB, ref a5, ref b5);
            Accumulate(x6 + i + 1, oddA, oddB, ref a6, ref b6);
            Accumulate(x7 + i + 1, oddA, oddB, ref a7, ref b7);
            Accumulate(x8 + i + 1, oddA, oddB, ref a8, ref b8);
            Accumulate(x9 + i + 1, oddA, oddB, ref a9, ref b9);
            Accumulate(x10 + i + 1, oddA, oddB, ref a10, ref b10);
            Accumulate(x11 + i + 1, oddA, oddB, ref a11, ref b11);
        }
        if (i < panels.Inputs)
        {
            Vector512<float> a = TCodes.LoadLast(first, i), b = TCodes.LoadLast(second, i);
            Accumulate(x0 + i, a, b, ref a0, ref b0);
            Accumulate(x1 + i, a, b, ref a1, ref b1);
            Accumulate(x2 + i, a, b, ref a2, ref b2);
            Accumulate(x3 + i, a, b, ref a3, ref b3);
            Accumulate(x4 + i, a, b, ref a4, ref b4);
            Accumulate(x5 + i, a, b, ref a5, ref b5);
            Accumulate(x6 + i, a, b, ref a6, ref b6);
            Accumulate(x7 + i, a, b, ref a7, ref b7);
            Accumulate(x8 + i, a, b, ref a8, ref b8);
            Accumulate(x9 + i, a, b, ref a9, ref b9);
            Accumulate(x10 + i, a, b, ref a10, ref b10);
            Accumulate(x11 + i, a, b, ref a11, ref b11);
        }
        Store(rows.Y(row), panel, next, a0, b0);
        Store(rows.ClampedY(row + 1), panel, next, a1, b1);
        Store(rows.ClampedY(row + 2), panel, next, a2, b2);
        Store(rows.ClampedY(row + 3), panel, next, a3, b3);
        Store(rows.ClampedY(row + 4), panel, next, a4, b4);
        Store(rows.ClampedY(row + 5), panel, next, a5, b5);
        Store(rows.ClampedY(row + 6), panel, next, a6, b6);
        Store(rows.ClampedY(row + 7), panel, next, a7, b7);
        Store(rows.ClampedY(row + 8), panel, next, a8, b8);
        Store(rows.ClampedY(row + 9), panel, next, a9, b9);
        Store(rows.ClampedY(row + 10), panel, next, a10, b10);
        Store(rows.ClampedY(row + 11), panel, next, a11, b11);
    }

    private static void EightRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx512Codes<TCodes>
    {
        var next = Math.Min(panel + 1, panels.Count - 1);
        byte* first = panels.Codes(panel), second = panels.Codes(next);
        var (ahead, aheadSecond) = FetchedBy(row, panels, panel, rows.Count);
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2), x3 = rows.ClampedX(row + 3);
        float* x4 = rows.ClampedX(row + 4), x5 = rows.ClampedX(row + 5), x6 = rows.ClampedX(row + 6), x7 = rows.ClampedX(row + 7);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(first, i, out var evenA, out var oddA);
            TCodes.LoadTwo(second, i, out var evenB, out var oddB);
            TCodes.FetchTwo(first + ahead, i);
            TCodes.FetchTwo(second + aheadSecond, i);
            Accumulate(x0 + i, evenA, evenB, ref a0, ref b0);
            Accumulate(x1 + i, evenA, evenB, ref a1, ref b1);
            Accumulate(x2 + i, evenA, evenB, ref a2, ref b2);
            Accumulate(x3 + i, evenA, evenB, ref a3, ref b3);
            Accumulate(x4 + i, evenA, evenB, ref a4, ref b4);
            Accumulate(x5 + i, evenA, evenB, ref a5, ref b5);
            Accumulate(x6 + i, evenA, evenB, ref a6, ref b6);
            Accumulate(x7 + i, evenA, evenB, ref a7, ref b7);
            Accumulate(x0 + i + 1, oddA, oddB, ref a0, ref b0);
            Accumulate(x1 + i + 1, oddA, oddB, ref a1, ref b1);
            Accumulate(x2 + i + 1, oddA, oddB, ref a2, ref b2);
            Accumulate(x3 + i + 1, oddA, oddB, ref a3, ref b3);
            Accumulate(x4 + i + 1, oddA, oddB, ref a4, ref b4);
            Accumulate(x5 + i + 1, oddA, oddB, ref a5, ref b5);
            Accumulate(x6 + i + 1, oddA, oddB, ref a6, ref b6);
            Accumulate(x7 + i + 1, oddA, oddB, ref a7, ref b7);
        }
        if (i < panels.Inputs)
        {
            Vector512<float> a = TCodes.LoadLast(first, i), b = TCodes.LoadLast(second, i);
            Accumulate(x0 + i, a, b, ref a0, ref b0);
            Accumulate(x1 + i, a, b, ref a1, ref b1);
            Accumulate(x2 + i, a, b, ref a2, ref b2);
            Accumulate(x3 + i, a, b, ref a3, ref b3);
            Accumulate(x4 + i, a, b, ref a4, ref b4);
            Accumulate(x5 + i, a, b, ref a5, ref b5);
            Accumulate(x6 + i, a, b, ref a6, ref b6);
            Accumulate(x7 + i, a, b, ref a7, ref b7);
        }
        Store(rows.Y(row), panel, next, a0, b0);
        Store(rows.ClampedY(row + 1), panel, next, a1, b1);
        Store(rows.ClampedY(row + 2), panel, next, a2, b2);
        Store(rows.ClampedY(row + 3), panel, next, a3, b3);
        Store(rows.ClampedY(row + 4), panel, next, a4, b4);
        Store(rows.ClampedY(row + 5), panel, next, a5, b5);
        Store(rows.ClampedY(row + 6), panel, next, a6, b6);
        Store(rows.ClampedY(row + 7), panel, next, a7, b7);
    }

    private static void FourRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx512Codes<TCodes>
    {
        var next = Math.Min(panel + 1, panels.Count - 1);
        byte* first = panels.Codes(panel), second = panels.Codes(next);
        var (ahead, aheadSecond) = FetchedBy(row, panels, panel, rows.Count);
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2), x3 = rows.ClampedX(row + 3);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(first, i, out var evenA, out var oddA);
            TCodes.LoadTwo(second, i, out var evenB, out var oddB);
            TCodes.FetchTwo(first + ahead, i);
            TCodes.FetchTwo(second + aheadSecond, i);
            Accumulate(x0 + i, evenA, evenB, ref a0, ref b0);
            Accumulate(x1 + i, evenA, evenB, ref a1, ref b1);
            Accumulate(x2 + i, evenA, evenB, ref a2, ref b2);
            Accumulate(x3 + i, evenA, evenB, ref a3, ref b3);
            Accumulate(x0 + i + 1, oddA, oddB, ref a0, ref b0);
            Accumulate(x1 + i + 1, oddA, oddB, ref a1, ref b1);
            Accumulate(x2 + i + 1, oddA, oddB, ref a2, ref b2);
            Accumulate(x3 + i + 1, oddA, oddB, ref a3, ref b3);
        }
        if (i < panels.Inputs)
        {
            Vector512<float> a = TCodes.LoadLast(first, i), b = TCodes.LoadLast(second, i);
            Accumulate(x0 + i, a, b, ref a0, ref b0);
            Accumulate(x1 + i, a, b, ref a1, ref b1);
            Accumulate(x2 + i, a, b, ref a2, ref b2);
            Accumulate(x3 + i, a, b, ref a3, ref b3);
        }
        Store(rows.Y(row), panel, next, a0, b0);
        Store(rows.ClampedY(row + 1), panel, next, a1, b1);
        Store(rows.ClampedY(row + 2), panel, next, a2, b2);
        Store(rows.ClampedY(row + 3), panel, next, a3, b3);
    }

    private static void TwoRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows) where TCodes : struct, IAvx512Codes<TCodes>
    {
        var last = panels.Count - 1;
        int p1 = Math.Min(panel + 1, last), p2 = Math.Min(panel + 2, last), p3 = Math.Min(panel + 3, last);
        byte* c0 = panels.Codes(panel), c1 = panels.Codes(p1), c2 = panels.Codes(p2), c3 = panels.Codes(p3);
        var ahead = panels.Ahead(panel, 4);
        float* x0 = rows.X(0), x1 = rows.X(1);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(c0, i, out var even0, out var odd0);
            TCodes.LoadTwo(c1, i, out var even1, out var odd1);
            TCodes.LoadTwo(c2, i, out var even2, out var odd2);
            TCodes.LoadTwo(c3, i, out var even3, out var odd3);
            TCodes.FetchTwo(c0 + ahead, i);
            TCodes.FetchTwo(c1 + ahead, i);
            TCodes.FetchTwo(c2 + ahead, i);
            TCodes.FetchTwo(c3 + ahead, i);
            Accumulate(x0 + i, even0, even1, ref a0, ref a1);
            Accumulate(x0 + i, even2, even3, ref a2, ref a3);
            Accumulate(x1 + i, even0, even1, ref b0, ref b1);
            Accumulate(x1 + i, even2, even3, ref b2, ref b3);
            Accumulate(x0 + i + 1, odd0, odd1, ref a0, ref a1);
            Accumulate(x0 + i + 1, odd2, odd3, ref a2, ref a3);
            Accumulate(x1 + i + 1, odd0, odd1, ref b0, ref b1);
            Accumulate(x1 + i + 1, odd2, odd3, ref b2, ref b3);
        }
        if (i < panels.Inputs)
        {
            Vector512<float> w0 = TCodes.LoadLast(c0, i), w1 = TCodes.LoadLast(c1, i), w2 = TCodes.LoadLast(c2, i), w3 = TCodes.LoadLast(c3, i);
            Accumulate(x0 + i, w0, w1, ref a0, ref a1);
            Accumulate(x0 + i, w2, w3, ref a2, ref a3);
            Accumulate(x1 + i, w0, w1, ref b0, ref b1);
            Accumulate(x1 + i, w2, w3, ref b2, ref b3);
        }
        Store(rows.Y(0), panel, p1, a0, a1);
        Store(rows.Y(0), p2, p3, a2, a3);
        Store(rows.Y(1), panel, p1, b0, b1);
        Store(rows.Y(1), p2, p3, b2, b3);
    }

    private static void OneRow<TCodes>(in PanelBlock panels, int panel, float* x, float* y) where TCodes : struct, IAvx512Codes<TCodes>
    {
        var last = panels.Count - 1;
        int p1 = Math.Min(panel + 1, last), p2 = Math.Min(panel + 2, last), p3 = Math.Min(panel + 3, last);
        byte* c0 = panels.Codes(panel), c1 = panels.Codes(p1), c2 = panels.Codes(p2), c3 = panels.Codes(p3);
        var ahead = panels.Ahead(panel, 4);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        var i = 0;
        for (; i < panels.Inputs - 1; i += 2)
        {
            TCodes.LoadTwo(c0, i, out var even0, out var odd0);
            TCodes.LoadTwo(c1, i, out var even1, out var odd1);
            TCodes.LoadTwo(c2, i, out var even2, out var odd2);
            TCodes.LoadTwo(c3, i, out var even3, out var odd3);
            TCodes.FetchTwo(c0 + ahead, i);
            TCodes.FetchTwo(c1 + ahead, i);
            TCodes.FetchTwo(c2 + ahead, i);
            TCodes.FetchTwo(c3 + ahead, i);
            Accumulate(x + i, even0, even1, ref a0, ref a1);
            Accumulate(x + i, even2, even3, ref a2, ref a3);
            Accumulate(x + i + 1, odd0, odd1, ref a0, ref a1);
            Accumulate(x + i + 1, odd2, odd3, ref a2, ref a3);
        }
        if (i < panels.Inputs)
        {
            Vector512<float> w0 = TCodes.LoadLast(c0, i), w1 = TCodes.LoadLast(c1, i), w2 = TCodes.LoadLast(c2, i), w3 = TCodes.LoadLast(c3, i);
            Accumulate(x + i, w0, w1, ref a0, ref a1);
            Accumulate(x + i, w2, w3, ref a2, ref a3);
        }
        Store(y, panel, p1, a0, a1);
        Store(y, p2, p3, a2, a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(float* x, Vector512<float> a, Vector512<float> b, ref Vector512<float> sumA, ref Vector512<float> sumB)
    {
        var broadcast = Vector512.Create(*x);
        sumA = Avx512F.FusedMultiplyAdd(broadcast, a, sumA);
        sumB = Avx512F.FusedMultiplyAdd(broadcast, b, sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, int panelA, int panelB, Vector512<float> a, Vector512<float> b)
    {
        a.Store(y + (nint)panelA * PanelWidth);
        b.Store(y + (nint)panelB * PanelWidth);
    }
}
