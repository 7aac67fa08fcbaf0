using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>AVX2 and FMA: a panel is two registers; tiles of 4 rows × 1 panel keep 8 sums in the 16 registers.</summary>
internal sealed unsafe class Avx2Kernel : PanelKernel
{
    private const int TileRows = 4;
    private const int Half = PanelWidth / 2;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    public override string Name => "avx2";

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
                for (var i = 0; i < count; i += Half)
                    Bf16((ushort*)codes + i).Store(widened + i);
                break;
            case Precision.Fp16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<System.Half>(codes, count), new Span<float>(widened, count));
                break;
            case Precision.Int8:
                WidenInt8((sbyte*)codes, (ushort*)weights.Scales(panel), count, widened);
                break;
            default:
                WidenInt4(codes, (ushort*)weights.Scales(panel), weights.Inputs, widened);
                break;
        }
    }

    private static void WidenInt8(sbyte* codes, ushort* scales, int count, float* widened)
    {
        var low = Bf16(scales);
        var high = Bf16(scales + Half);
        for (var i = 0; i < count; i += PanelWidth)
        {
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes + i)) * low).Store(widened + i);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(codes + i + Half)) * high).Store(widened + i + Half);
        }
    }

    private static void WidenInt4(byte* codes, ushort* scales, int inputs, float* widened)
    {
        for (var i = 0; i < inputs; i += 2)
            for (var half = 0; half < PanelWidth; half += Half)
            {
                var scale = Bf16(scales + i / GroupSize * PanelWidth + half);
                var pair = Avx2.ConvertToVector256Int32(codes + i / 2 * PanelWidth + half);
                (Vector256.ConvertToSingle((pair & Vector256.Create(15)) - Vector256.Create(8)) * scale).Store(widened + i * PanelWidth + half);
                if (i + 1 < inputs)
                    (Vector256.ConvertToSingle((pair >>> 4) - Vector256.Create(8)) * scale).Store(widened + (i + 1) * PanelWidth + half);
            }
    }

    protected override void MultiplyTile(float* panels, int pair, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride)
    {
        for (var p = 0; p < pair; p++)
        {
            var panel = panels + p * panelStride;
            var output = y + p * PanelWidth;
            var r = 0;
            for (; r + TileRows <= rows; r += TileRows)
                FourRows(panel, inner, x + (long)r * xStride, xStride, output + (long)r * yStride, yStride);
            for (; r < rows; r++)
                OneRow(panel, inner, x + (long)r * xStride, output + (long)r * yStride);
        }
    }

    private static void FourRows(float* panel, int inner, float* x, nint xs, float* y, nint ys)
    {
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default;
        Vector256<float> h0 = default, h1 = default, h2 = default, h3 = default;
        for (var i = 0; i < inner; i++)
        {
            var low = Vector256.LoadAligned(panel + i * PanelWidth);
            var high = Vector256.LoadAligned(panel + i * PanelWidth + Half);
            Accumulate(x + i, low, high, ref l0, ref h0);
            Accumulate(x + xs + i, low, high, ref l1, ref h1);
            Accumulate(x + 2 * xs + i, low, high, ref l2, ref h2);
            Accumulate(x + 3 * xs + i, low, high, ref l3, ref h3);
        }
        Store(y, l0, h0);
        Store(y + ys, l1, h1);
        Store(y + 2 * ys, l2, h2);
        Store(y + 3 * ys, l3, h3);
    }

    private static void OneRow(float* panel, int inner, float* x, float* y)
    {
        Vector256<float> l0 = default, h0 = default;
        for (var i = 0; i < inner; i++)
            Accumulate(x + i, Vector256.LoadAligned(panel + i * PanelWidth), Vector256.LoadAligned(panel + i * PanelWidth + Half), ref l0, ref h0);
        Store(y, l0, h0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(float* x, Vector256<float> low, Vector256<float> high, ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
    {
        var broadcast = Vector256.Create(*x);
        sumLow = Fma.MultiplyAdd(broadcast, low, sumLow);
        sumHigh = Fma.MultiplyAdd(broadcast, high, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> low, Vector256<float> high)
    {
        low.Store(y);
        high.Store(y + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Bf16(ushort* values) => (Avx2.ConvertToVector256Int32(values) << 16).AsSingle();
}
