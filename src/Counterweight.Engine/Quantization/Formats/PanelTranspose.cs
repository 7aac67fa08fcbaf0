using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>Turns 16 rows of floats into a panel.</summary>
internal static unsafe class PanelTranspose
{
    private const int Width = Kernels.MatMulKernel.PanelWidth;

    /// <summary>panel[i][r] = rows[r][i].</summary>
    /// <param name="rows">16 rows.</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="count">Floats of each row that are wanted.</param>
    /// <param name="panel">[count][16].</param>
    public static void ToPanel(float* rows, nint stride, int count, float* panel)
    {
        var i = 0;
        if (Avx.IsSupported)
            for (; i + 8 <= count; i += 8)
            {
                EightByEight(rows + i, stride, panel + i * Width);
                EightByEight(rows + i + 8 * stride, stride, panel + i * Width + 8);
            }
        ToPanelScalar(rows + i, stride, count - i, panel + i * Width);
    }

    /// <summary>The same, plain loops.</summary>
    internal static void ToPanelScalar(float* rows, nint stride, int count, float* panel)
    {
        for (var i = 0; i < count; i++)
            for (var r = 0; r < Width; r++)
                panel[i * Width + r] = rows[r * stride + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EightByEight(float* rows, nint stride, float* panel)
    {
        Interleave(rows, rows + stride, out var a0, out var a1);
        Interleave(rows + 2 * stride, rows + 3 * stride, out var b0, out var b1);
        Interleave(rows + 4 * stride, rows + 5 * stride, out var c0, out var c1);
        Interleave(rows + 6 * stride, rows + 7 * stride, out var d0, out var d1);
        Store(Pairs(a0, b0, high: false), Pairs(c0, d0, high: false), panel, 0);
        Store(Pairs(a0, b0, high: true), Pairs(c0, d0, high: true), panel, 1);
        Store(Pairs(a1, b1, high: false), Pairs(c1, d1, high: false), panel, 2);
        Store(Pairs(a1, b1, high: true), Pairs(c1, d1, high: true), panel, 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Interleave(float* even, float* odd, out Vector256<float> low, out Vector256<float> high)
    {
        Vector256<float> a = Vector256.Load(even), b = Vector256.Load(odd);
        low = Avx.UnpackLow(a, b);
        high = Avx.UnpackHigh(a, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Pairs(Vector256<float> a, Vector256<float> b, bool high) =>
        high ? Avx.Shuffle(a, b, 0b_11_10_11_10) : Avx.Shuffle(a, b, 0b_01_00_01_00);

    // Rows i and i + 4 of the result: the two halves of registers hold columns that are four apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> low, Vector256<float> high, float* panel, int row)
    {
        Avx.Permute2x128(low, high, 0x20).Store(panel + row * Width);
        Avx.Permute2x128(low, high, 0x31).Store(panel + (row + 4) * Width);
    }
}
