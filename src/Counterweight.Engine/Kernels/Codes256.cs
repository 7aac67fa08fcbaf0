using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> in 256-bit registers: up to 4 rows × one panel, which is two registers. The fp32 sums of more than two rows lie in the L1 cache:
/// with the int32 sums there are not enough registers.
/// </summary>
internal sealed unsafe class Codes256<TDots> : CodeProduct where TDots : struct, IByteDots256
{
    private const int Half = 8;
    private const int Width = 2 * Half;

    protected override int TileRows(Precision weights) => 4;

    protected override byte** Prepare(Precision weights, byte** x, int rows, int groups) =>
        weights == Precision.Int8 && TDots.ReadsSignedRows ? SignedRows.Make(x, rows, groups) : x;

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var int4 = weights == Precision.Int4;
        for (var panel = 0; panel < panels; panel++)
            switch (rows)
            {
                case 1: Multiply<OneRow>(int4, tile, panel); break;
                case 2: Multiply<TwoRows>(int4, tile, panel); break;
                case 3: Multiply<ThreeRows>(int4, tile, panel); break;
                default: Multiply<FourRows>(int4, tile, panel); break;
            }
    }

    private static void Multiply<TRows>(bool int4, in CodeTile tile, int panel) where TRows : struct, ITileRows
    {
        var codes = panel == 0 ? tile.Codes : tile.NextCodes;
        // One fetch for each word, of half a line further on or of the same line again where there is less to fetch: cheaper than a loop over lines.
        var next = tile.FetchLines > 0 ? tile.Next + panel * tile.FetchLines * tile.Groups * 64 : codes;
        var fetchStep = 64 * tile.FetchLines / TileShape.LinesOf(int4 ? Precision.Int4 : Precision.Int8);
        var scales = (float*)(panel == 0 ? tile.Scales : tile.NextScales);
        var blockBytes = !int4 && TDots.ReadsSignedRows ? SignedRows.BlockBytes : QuantizedRows.BlockBytes;
        byte* x0 = (byte*)tile.X[0], x1 = TRows.Count > 1 ? (byte*)tile.X[1] : x0, x2 = TRows.Count > 2 ? (byte*)tile.X[2] : x0, x3 = TRows.Count > 3 ? (byte*)tile.X[3] : x0;
        float* y0 = Result<TRows>(tile, 0, panel), y1 = Result<TRows>(tile, 1, panel), y2 = Result<TRows>(tile, 2, panel), y3 = Result<TRows>(tile, 3, panel);
        Vector256<float> s0 = default, t0 = default, s1 = default, t1 = default;
        for (var g = tile.Groups; g > 0; g--)
        {
            Vector256<int> l0, h0, l1 = default, h1 = default, l2 = default, h2 = default, l3 = default, h3 = default;
            if (int4)
            {
                l0 = h0 = TDots.Int4Start(x0);
                if (TRows.Count > 1)
                    l1 = h1 = TDots.Int4Start(x1);
                if (TRows.Count > 2)
                    l2 = h2 = TDots.Int4Start(x2);
                if (TRows.Count > 3)
                    l3 = h3 = TDots.Int4Start(x3);
                for (var word = 0; word < 4; word++, codes += 64, next += fetchStep)
                {
                    Sse.Prefetch0(next);
                    Vector256<byte> low = Vector256.Load(codes), high = Vector256.Load(codes + 32), mask = Vector256.Create((byte)15);
                    Vector256<byte> lowNext = (low.AsUInt16() >> 4).AsByte() & mask, highNext = (high.AsUInt16() >> 4).AsByte() & mask;
                    low &= mask;
                    high &= mask;
                    Int4(x0, word, low, high, lowNext, highNext, ref l0, ref h0);
                    if (TRows.Count > 1)
                        Int4(x1, word, low, high, lowNext, highNext, ref l1, ref h1);
                    if (TRows.Count > 2)
                        Int4(x2, word, low, high, lowNext, highNext, ref l2, ref h2);
                    if (TRows.Count > 3)
                        Int4(x3, word, low, high, lowNext, highNext, ref l3, ref h3);
                }
                (l0, h0, l1, h1) = (TDots.Int4Sum(l0), TDots.Int4Sum(h0), TDots.Int4Sum(l1), TDots.Int4Sum(h1));
                (l2, h2, l3, h3) = (TDots.Int4Sum(l2), TDots.Int4Sum(h2), TDots.Int4Sum(l3), TDots.Int4Sum(h3));
            }
            else
            {
                l0 = h0 = TDots.Int8Start(x0);
                if (TRows.Count > 1)
                    l1 = h1 = TDots.Int8Start(x1);
                if (TRows.Count > 2)
                    l2 = h2 = TDots.Int8Start(x2);
                if (TRows.Count > 3)
                    l3 = h3 = TDots.Int8Start(x3);
                for (var word = 0; word < 8; word++, codes += 64, next += fetchStep)
                {
                    Sse.Prefetch0(next);
                    Vector256<byte> low = TDots.Int8Weights(Vector256.Load(codes)), high = TDots.Int8Weights(Vector256.Load(codes + 32));
                    TDots.Int8(x0, word, low, high, ref l0, ref h0);
                    if (TRows.Count > 1)
                        TDots.Int8(x1, word, low, high, ref l1, ref h1);
                    if (TRows.Count > 2)
                        TDots.Int8(x2, word, low, high, ref l2, ref h2);
                    if (TRows.Count > 3)
                        TDots.Int8(x3, word, low, high, ref l3, ref h3);
                }
            }
            Vector256<float> scaleLow = Vector256.Load(scales), scaleHigh = Vector256.Load(scales + Half);
            if (TRows.Count <= 2)
            {
                Add(x0, l0, h0, scaleLow, scaleHigh, ref s0, ref t0);
                if (TRows.Count == 2)
                    Add(x1, l1, h1, scaleLow, scaleHigh, ref s1, ref t1);
            }
            else
            {
                Add(x0, l0, h0, scaleLow, scaleHigh, y0);
                Add(x1, l1, h1, scaleLow, scaleHigh, y1);
                Add(x2, l2, h2, scaleLow, scaleHigh, y2);
                if (TRows.Count > 3)
                    Add(x3, l3, h3, scaleLow, scaleHigh, y3);
            }
            scales += tile.ScaleStep / sizeof(float);
            x0 += blockBytes;
            x1 += blockBytes;
            x2 += blockBytes;
            x3 += blockBytes;
        }
        if (TRows.Count > 2)
            return;
        Store(y0, s0, t0);
        if (TRows.Count == 2)
            Store(y1, s1, t1);
    }

    /// <summary>Where the results of a row go; zeros where they are summed up there.</summary>
    private static float* Result<TRows>(in CodeTile tile, int row, int panel) where TRows : struct, ITileRows
    {
        if (row >= TRows.Count)
            return null;
        var y = (float*)tile.Y[row] + panel * Width;
        if (TRows.Count > 2)
            Store(y, default, default);
        return y;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4(
        byte* block, int word, Vector256<byte> low, Vector256<byte> high, Vector256<byte> lowNext, Vector256<byte> highNext,
        ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        var x = (int*)(block + QuantizedRows.CodesOffset) + 2 * word;
        Vector256<sbyte> four = Vector256.Create(x[0]).AsSByte(), next = Vector256.Create(x[1]).AsSByte();
        sumLow = TDots.Int4(TDots.Int4(sumLow, low, four), lowNext, next);
        sumHigh = TDots.Int4(TDots.Int4(sumHigh, high, four), highNext, next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        byte* block, Vector256<int> low, Vector256<int> high, Vector256<float> scaleLow, Vector256<float> scaleHigh, ref Vector256<float> sumLow, ref Vector256<float> sumHigh)
    {
        var scale = Vector256.Create(*(float*)block);
        sumLow = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(low), scaleLow * scale, sumLow);
        sumHigh = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(high), scaleHigh * scale, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* block, Vector256<int> low, Vector256<int> high, Vector256<float> scaleLow, Vector256<float> scaleHigh, float* y)
    {
        Vector256<float> sumLow = Vector256.Load(y), sumHigh = Vector256.Load(y + Half);
        Add(block, low, high, scaleLow, scaleHigh, ref sumLow, ref sumHigh);
        Store(y, sumLow, sumHigh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> low, Vector256<float> high)
    {
        low.Store(y);
        high.Store(y + Half);
    }
}
