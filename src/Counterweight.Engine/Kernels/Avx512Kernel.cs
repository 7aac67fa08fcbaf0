using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>AVX-512: the 16 outputs of a panel are one register. Tiles of 8 or 4 rows × 2 panels, or 2 rows or 1 × 4 panels.</summary>
internal sealed unsafe class Avx512Kernel : PanelKernel
{
    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    public override string Name => "avx512";

    protected override int MaxRowsInRegisters => 8;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        switch (precision)
        {
            case Precision.Bf16: Widen<Bf16Avx512>(panels, widened); break;
            case Precision.Fp16: Widen<Fp16Avx512>(panels, widened); break;
            case Precision.Int8: Widen<Int8Avx512>(panels, widened); break;
            case Precision.LlmInt8: Widen<LlmInt8Avx512>(panels, widened); break;
            case Precision.Int4: Widen<Int4Avx512>(panels, widened); break;
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
            case Precision.Int8: Tiles<Int8Avx512>(panels, rows); break;
            case Precision.Int4: Tiles<Int4Avx512>(panels, rows); break;
            default: throw new ArgumentOutOfRangeException(nameof(precision), precision, "no product of this precision");
        }
    }

    private static void Widen<TCodes>(in PanelBlock panels, float* widened) where TCodes : struct, IAvx512Codes<TCodes>
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
            {
                var codes = panels.Codes(panel);
                var scale = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group);
                var end = Math.Min(begin + TCodes.Group, panels.Inputs);
                for (var i = begin; i < end; i++, widened += PanelWidth)
                    TCodes.Load(codes, i, scale).Store(widened);
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
                for (; rows.Count - r > 4; r += 8)
                    EightRows<TCodes>(panels, panel, rows, r);
                if (r < rows.Count)
                    FourRows<TCodes>(panels, panel, rows, r);
            }
    }

    private static void EightRows<TCodes>(in PanelBlock panels, int panel, in RowBlock rows, int row)
        where TCodes : struct, IAvx512Codes<TCodes>
    {
        // An odd last panel stands in for its missing neighbour.
        var next = Math.Min(panel + 1, panels.Count - 1);
        byte* first = panels.Codes(panel), second = panels.Codes(next);
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2), x3 = rows.ClampedX(row + 3);
        float* x4 = rows.ClampedX(row + 4), x5 = rows.ClampedX(row + 5), x6 = rows.ClampedX(row + 6), x7 = rows.ClampedX(row + 7);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var scaleA = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group);
            var scaleB = TCodes.Scale(panels.Scales(next), begin / TCodes.Group);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            for (var i = begin; i < end; i++)
            {
                var a = TCodes.Load(first, i, scaleA);
                var b = TCodes.Load(second, i, scaleB);
                Accumulate(x0 + i, a, b, ref a0, ref b0);
                Accumulate(x1 + i, a, b, ref a1, ref b1);
                Accumulate(x2 + i, a, b, ref a2, ref b2);
                Accumulate(x3 + i, a, b, ref a3, ref b3);
                Accumulate(x4 + i, a, b, ref a4, ref b4);
                Accumulate(x5 + i, a, b, ref a5, ref b5);
                Accumulate(x6 + i, a, b, ref a6, ref b6);
                Accumulate(x7 + i, a, b, ref a7, ref b7);
            }
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
        float* x0 = rows.X(row), x1 = rows.ClampedX(row + 1), x2 = rows.ClampedX(row + 2), x3 = rows.ClampedX(row + 3);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var scaleA = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group);
            var scaleB = TCodes.Scale(panels.Scales(next), begin / TCodes.Group);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            for (var i = begin; i < end; i++)
            {
                var a = TCodes.Load(first, i, scaleA);
                var b = TCodes.Load(second, i, scaleB);
                Accumulate(x0 + i, a, b, ref a0, ref b0);
                Accumulate(x1 + i, a, b, ref a1, ref b1);
                Accumulate(x2 + i, a, b, ref a2, ref b2);
                Accumulate(x3 + i, a, b, ref a3, ref b3);
            }
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
        float* x0 = rows.X(0), x1 = rows.X(1);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var scale0 = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group);
            var scale1 = TCodes.Scale(panels.Scales(p1), begin / TCodes.Group);
            var scale2 = TCodes.Scale(panels.Scales(p2), begin / TCodes.Group);
            var scale3 = TCodes.Scale(panels.Scales(p3), begin / TCodes.Group);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            for (var i = begin; i < end; i++)
            {
                var w0 = TCodes.Load(c0, i, scale0);
                var w1 = TCodes.Load(c1, i, scale1);
                var w2 = TCodes.Load(c2, i, scale2);
                var w3 = TCodes.Load(c3, i, scale3);
                Accumulate(x0 + i, w0, w1, ref a0, ref a1);
                Accumulate(x0 + i, w2, w3, ref a2, ref a3);
                Accumulate(x1 + i, w0, w1, ref b0, ref b1);
                Accumulate(x1 + i, w2, w3, ref b2, ref b3);
            }
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
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (var begin = 0; begin < panels.Inputs; begin += TCodes.Group)
        {
            var scale0 = TCodes.Scale(panels.Scales(panel), begin / TCodes.Group);
            var scale1 = TCodes.Scale(panels.Scales(p1), begin / TCodes.Group);
            var scale2 = TCodes.Scale(panels.Scales(p2), begin / TCodes.Group);
            var scale3 = TCodes.Scale(panels.Scales(p3), begin / TCodes.Group);
            var end = Math.Min(begin + TCodes.Group, panels.Inputs);
            var i = begin;
            for (; i < end - 1; i += 2)
            {
                TCodes.LoadTwo(c0, i, scale0, out var even0, out var odd0);
                TCodes.LoadTwo(c1, i, scale1, out var even1, out var odd1);
                TCodes.LoadTwo(c2, i, scale2, out var even2, out var odd2);
                TCodes.LoadTwo(c3, i, scale3, out var even3, out var odd3);
                Accumulate(x + i, even0, even1, ref sum0, ref sum1);
                Accumulate(x + i, even2, even3, ref sum2, ref sum3);
                Accumulate(x + i + 1, odd0, odd1, ref sum0, ref sum1);
                Accumulate(x + i + 1, odd2, odd3, ref sum2, ref sum3);
            }
            if (i < end)
            {
                Accumulate(x + i, TCodes.Load(c0, i, scale0), TCodes.Load(c1, i, scale1), ref sum0, ref sum1);
                Accumulate(x + i, TCodes.Load(c2, i, scale2), TCodes.Load(c3, i, scale3), ref sum2, ref sum3);
            }
        }
        Store(y, panel, p1, sum0, sum1);
        Store(y, p2, p3, sum2, sum3);
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
