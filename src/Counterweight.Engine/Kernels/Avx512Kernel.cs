using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>AVX-512: a panel is one register; tiles of 8 rows × 2 panels keep 16 sums in registers.</summary>
internal sealed unsafe class Avx512Kernel : PanelKernel
{
    private const int TileRows = 8;

    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    public override string Name => "avx512";

    protected override void Widen(PackedMatrix weights, int panel, float* widened)
    {
        var codes = weights.Codes(panel);
        var count = weights.Inputs * PanelWidth;
        switch (weights.Precision)
        {
            case Precision.Fp32:
                new ReadOnlySpan<float>(codes, count).CopyTo(new Span<float>(widened, count));
                break;
            case Precision.Bf16:
                for (var i = 0; i < count; i += PanelWidth)
                    Bf16((ushort*)codes + i).Store(widened + i);
                break;
            case Precision.Fp16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(codes, count), new Span<float>(widened, count));
                break;
            case Precision.Int8:
                var scale = Bf16((ushort*)weights.Scales(panel));
                for (var i = 0; i < count; i += PanelWidth)
                    (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)codes + i))) * scale).Store(widened + i);
                break;
            default:
                WidenInt4(codes, (ushort*)weights.Scales(panel), weights.Inputs, widened);
                break;
        }
    }

    private static void WidenInt4(byte* codes, ushort* scales, int inputs, float* widened)
    {
        var mask = Vector512.Create(15);
        var offset = Vector512.Create(8);
        for (var group = 0; group < inputs; group += GroupSize)
        {
            var scale = Bf16(scales + group / GroupSize * PanelWidth);
            var end = Math.Min(group + GroupSize, inputs);
            for (var i = group; i < end; i += 2)
            {
                var pair = Avx512F.ConvertToVector512Int32(Vector128.Load(codes + i / 2 * PanelWidth));
                (Vector512.ConvertToSingle((pair & mask) - offset) * scale).Store(widened + i * PanelWidth);
                if (i + 1 < end)
                    (Vector512.ConvertToSingle((pair >>> 4) - offset) * scale).Store(widened + (i + 1) * PanelWidth);
            }
        }
    }

    protected override void MultiplyTile(float* panels, int pair, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride)
    {
        var second = pair == 2 ? panels + panelStride : panels;
        var r = 0;
        for (; r + TileRows <= rows; r += TileRows)
        {
            if (pair == 2)
                EightRowsTwoPanels(panels, second, inner, x + (long)r * xStride, xStride, y + (long)r * yStride, yStride);
            else
                EightRows(panels, inner, x + (long)r * xStride, xStride, y + (long)r * yStride, yStride);
        }
        for (; r < rows; r++)
            OneRow(panels, second, pair, inner, x + (long)r * xStride, y + (long)r * yStride);
    }

    private static void EightRowsTwoPanels(float* first, float* second, int inner, float* x, nint xs, float* y, nint ys)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        var x4 = x + 4 * xs;
        for (var i = 0; i < inner; i++)
        {
            var a = Vector512.LoadAligned(first + i * PanelWidth);
            var b = Vector512.LoadAligned(second + i * PanelWidth);
            Accumulate(x + i, a, b, ref a0, ref b0);
            Accumulate(x + xs + i, a, b, ref a1, ref b1);
            Accumulate(x + 2 * xs + i, a, b, ref a2, ref b2);
            Accumulate(x + 3 * xs + i, a, b, ref a3, ref b3);
            Accumulate(x4 + i, a, b, ref a4, ref b4);
            Accumulate(x4 + xs + i, a, b, ref a5, ref b5);
            Accumulate(x4 + 2 * xs + i, a, b, ref a6, ref b6);
            Accumulate(x4 + 3 * xs + i, a, b, ref a7, ref b7);
        }
        Store(y, a0, b0);
        Store(y + ys, a1, b1);
        Store(y + 2 * ys, a2, b2);
        Store(y + 3 * ys, a3, b3);
        Store(y + 4 * ys, a4, b4);
        Store(y + 5 * ys, a5, b5);
        Store(y + 6 * ys, a6, b6);
        Store(y + 7 * ys, a7, b7);
    }

    private static void EightRows(float* panel, int inner, float* x, nint xs, float* y, nint ys)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        var x4 = x + 4 * xs;
        for (var i = 0; i < inner; i++)
        {
            var a = Vector512.LoadAligned(panel + i * PanelWidth);
            a0 = Fma(x + i, a, a0);
            a1 = Fma(x + xs + i, a, a1);
            a2 = Fma(x + 2 * xs + i, a, a2);
            a3 = Fma(x + 3 * xs + i, a, a3);
            a4 = Fma(x4 + i, a, a4);
            a5 = Fma(x4 + xs + i, a, a5);
            a6 = Fma(x4 + 2 * xs + i, a, a6);
            a7 = Fma(x4 + 3 * xs + i, a, a7);
        }
        a0.Store(y);
        a1.Store(y + ys);
        a2.Store(y + 2 * ys);
        a3.Store(y + 3 * ys);
        a4.Store(y + 4 * ys);
        a5.Store(y + 5 * ys);
        a6.Store(y + 6 * ys);
        a7.Store(y + 7 * ys);
    }

    private static void OneRow(float* first, float* second, int pair, int inner, float* x, float* y)
    {
        Vector512<float> a0 = default, b0 = default;
        for (var i = 0; i < inner; i++)
            Accumulate(x + i, Vector512.LoadAligned(first + i * PanelWidth), Vector512.LoadAligned(second + i * PanelWidth), ref a0, ref b0);
        a0.Store(y);
        if (pair == 2)
            b0.Store(y + PanelWidth);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(float* x, Vector512<float> a, Vector512<float> b, ref Vector512<float> sumA, ref Vector512<float> sumB)
    {
        var broadcast = Vector512.Create(*x);
        sumA = Avx512F.FusedMultiplyAdd(broadcast, a, sumA);
        sumB = Avx512F.FusedMultiplyAdd(broadcast, b, sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fma(float* x, Vector512<float> a, Vector512<float> sum) =>
        Avx512F.FusedMultiplyAdd(Vector512.Create(*x), a, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector512<float> a, Vector512<float> b)
    {
        a.Store(y);
        b.Store(y + PanelWidth);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Bf16(ushort* values) =>
        (Avx512F.ConvertToVector512Int32(Vector256.Load(values)) << 16).AsSingle();
}
