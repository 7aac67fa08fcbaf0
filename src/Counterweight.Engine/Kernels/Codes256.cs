using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> in 256-bit registers: 4, 2 or 1 rows × one panel, which is two registers. The fp32 sums lie in the L1 cache:
/// with the int32 sums there are not enough registers.
/// </summary>
internal sealed unsafe class Codes256<TDots> : CodeProduct where TDots : struct, IByteDots256
{
    private const int Half = 8;
    private const int Width = 2 * Half;

    protected override int TileRows(Precision weights) => 4;

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var int4 = weights == Precision.Int4;
        for (var panel = 0; panel < panels; panel++)
        {
            var codes = panel == 0 ? tile.Codes : tile.NextCodes;
            var next = tile.Next + panel * tile.FetchLines * tile.Groups * 64;
            var scales = (float*)(panel == 0 ? tile.Scales : tile.NextScales);
            for (var r = 0; r < rows; r++)
                new Span<float>((float*)tile.Y[r] + panel * Width, Width).Clear();
            if (rows == 1)
                OneRow(int4, tile, codes, next, scales, panel * Width);
            else if (rows == 2)
                TwoRows(int4, tile, codes, next, scales, panel * Width);
            else
                FourRows(int4, tile, codes, next, scales, panel * Width, rows);
        }
    }


    private static void FourRows(bool int4, in CodeTile tile, byte* codes, byte* next, float* scales, int output, int rows)
    {
        byte* x0 = (byte*)tile.X[0], x1 = (byte*)tile.X[Math.Min(1, rows - 1)], x2 = (byte*)tile.X[Math.Min(2, rows - 1)], x3 = (byte*)tile.X[Math.Min(3, rows - 1)];
        float* y0 = (float*)tile.Y[0] + output, y1 = (float*)tile.Y[Math.Min(1, rows - 1)] + output, y2 = (float*)tile.Y[Math.Min(2, rows - 1)] + output, y3 = (float*)tile.Y[Math.Min(3, rows - 1)] + output;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines);
            Vector256<int> l0, h0;
            Vector256<int> l1, h1;
            Vector256<int> l2, h2;
            Vector256<int> l3, h3;
            if (int4)
            {
                l0 = h0 = l1 = h1 = l2 = h2 = l3 = h3 = Vector256<int>.Zero;
                for (var word = 0; word < 4; word++, codes += 64)
                {
                    Vector256<byte> low = Vector256.Load(codes), high = Vector256.Load(codes + 32), mask = Vector256.Create((byte)15);
                    Vector256<byte> lowOdd = (low.AsUInt16() >> 4).AsByte() & mask, highOdd = (high.AsUInt16() >> 4).AsByte() & mask;
                    low &= mask;
                    high &= mask;
                    Int4(x0 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l0, ref h0);
                    Int4(x1 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l1, ref h1);
                    Int4(x2 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l2, ref h2);
                    Int4(x3 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l3, ref h3);
                }
                Int4Sum(x0, ref l0, ref h0);
                Int4Sum(x1, ref l1, ref h1);
                Int4Sum(x2, ref l2, ref h2);
                Int4Sum(x3, ref l3, ref h3);
            }
            else
            {
                l0 = h0 = Vector256.Create(TDots.Int8Start(*(int*)(x0 + QuantizedRows.SumOffset)));
                l1 = h1 = Vector256.Create(TDots.Int8Start(*(int*)(x1 + QuantizedRows.SumOffset)));
                l2 = h2 = Vector256.Create(TDots.Int8Start(*(int*)(x2 + QuantizedRows.SumOffset)));
                l3 = h3 = Vector256.Create(TDots.Int8Start(*(int*)(x3 + QuantizedRows.SumOffset)));
                for (var word = 0; word < 8; word++, codes += 64)
                {
                    Vector256<sbyte> low = Vector256.Load((sbyte*)codes), high = Vector256.Load((sbyte*)codes + 32);
                    Vector256<byte> preparedLow = TDots.Int8Weights(low), preparedHigh = TDots.Int8Weights(high);
                    Int8(x0 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l0, ref h0);
                    Int8(x1 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l1, ref h1);
                    Int8(x2 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l2, ref h2);
                    Int8(x3 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l3, ref h3);
                }
            }
            Vector256<float> scaleLow = Vector256.Load(scales), scaleHigh = Vector256.Load(scales + Half);
            Add(y0, l0, h0, scaleLow, scaleHigh, x0);
            Add(y1, l1, h1, scaleLow, scaleHigh, x1);
            Add(y2, l2, h2, scaleLow, scaleHigh, x2);
            if (rows == 4)
                Add(y3, l3, h3, scaleLow, scaleHigh, x3);
            scales += tile.ScaleStep / sizeof(float);
            x0 += QuantizedRows.BlockBytes;
            x1 += QuantizedRows.BlockBytes;
            x2 += QuantizedRows.BlockBytes;
            x3 += QuantizedRows.BlockBytes;
        }
    }

    private static void TwoRows(bool int4, in CodeTile tile, byte* codes, byte* next, float* scales, int output)
    {
        byte* x0 = (byte*)tile.X[0], x1 = (byte*)tile.X[1];
        float* y0 = (float*)tile.Y[0] + output, y1 = (float*)tile.Y[1] + output;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines);
            Vector256<int> l0, h0;
            Vector256<int> l1, h1;
            if (int4)
            {
                l0 = h0 = l1 = h1 = Vector256<int>.Zero;
                for (var word = 0; word < 4; word++, codes += 64)
                {
                    Vector256<byte> low = Vector256.Load(codes), high = Vector256.Load(codes + 32), mask = Vector256.Create((byte)15);
                    Vector256<byte> lowOdd = (low.AsUInt16() >> 4).AsByte() & mask, highOdd = (high.AsUInt16() >> 4).AsByte() & mask;
                    low &= mask;
                    high &= mask;
                    Int4(x0 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l0, ref h0);
                    Int4(x1 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l1, ref h1);
                }
                Int4Sum(x0, ref l0, ref h0);
                Int4Sum(x1, ref l1, ref h1);
            }
            else
            {
                l0 = h0 = Vector256.Create(TDots.Int8Start(*(int*)(x0 + QuantizedRows.SumOffset)));
                l1 = h1 = Vector256.Create(TDots.Int8Start(*(int*)(x1 + QuantizedRows.SumOffset)));
                for (var word = 0; word < 8; word++, codes += 64)
                {
                    Vector256<sbyte> low = Vector256.Load((sbyte*)codes), high = Vector256.Load((sbyte*)codes + 32);
                    Vector256<byte> preparedLow = TDots.Int8Weights(low), preparedHigh = TDots.Int8Weights(high);
                    Int8(x0 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l0, ref h0);
                    Int8(x1 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l1, ref h1);
                }
            }
            Vector256<float> scaleLow = Vector256.Load(scales), scaleHigh = Vector256.Load(scales + Half);
            Add(y0, l0, h0, scaleLow, scaleHigh, x0);
            Add(y1, l1, h1, scaleLow, scaleHigh, x1);
            scales += tile.ScaleStep / sizeof(float);
            x0 += QuantizedRows.BlockBytes;
            x1 += QuantizedRows.BlockBytes;
        }
    }

    private static void OneRow(bool int4, in CodeTile tile, byte* codes, byte* next, float* scales, int output)
    {
        byte* x0 = (byte*)tile.X[0];
        float* y0 = (float*)tile.Y[0] + output;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines);
            Vector256<int> l0, h0;
            if (int4)
            {
                l0 = h0 = Vector256<int>.Zero;
                for (var word = 0; word < 4; word++, codes += 64)
                {
                    Vector256<byte> low = Vector256.Load(codes), high = Vector256.Load(codes + 32), mask = Vector256.Create((byte)15);
                    Vector256<byte> lowOdd = (low.AsUInt16() >> 4).AsByte() & mask, highOdd = (high.AsUInt16() >> 4).AsByte() & mask;
                    low &= mask;
                    high &= mask;
                    Int4(x0 + QuantizedRows.CodesOffset + 8 * word, low, high, lowOdd, highOdd, ref l0, ref h0);
                }
                Int4Sum(x0, ref l0, ref h0);
            }
            else
            {
                l0 = h0 = Vector256.Create(TDots.Int8Start(*(int*)(x0 + QuantizedRows.SumOffset)));
                for (var word = 0; word < 8; word++, codes += 64)
                {
                    Vector256<sbyte> low = Vector256.Load((sbyte*)codes), high = Vector256.Load((sbyte*)codes + 32);
                    Vector256<byte> preparedLow = TDots.Int8Weights(low), preparedHigh = TDots.Int8Weights(high);
                    Int8(x0 + QuantizedRows.CodesOffset + 4 * word, preparedLow, low, preparedHigh, high, ref l0, ref h0);
                }
            }
            Vector256<float> scaleLow = Vector256.Load(scales), scaleHigh = Vector256.Load(scales + Half);
            Add(y0, l0, h0, scaleLow, scaleHigh, x0);
            scales += tile.ScaleStep / sizeof(float);
            x0 += QuantizedRows.BlockBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int8(
        byte* x, Vector256<byte> preparedLow, Vector256<sbyte> low, Vector256<byte> preparedHigh, Vector256<sbyte> high,
        ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        var four = Vector256.Create(*(int*)x).AsSByte();
        sumLow = TDots.Int8(sumLow, preparedLow, low, four);
        sumHigh = TDots.Int8(sumHigh, preparedHigh, high, four);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4(
        byte* x, Vector256<byte> low, Vector256<byte> high, Vector256<byte> lowNext, Vector256<byte> highNext,
        ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        Vector256<sbyte> four = Vector256.Create(*(int*)x).AsSByte(), next = Vector256.Create(*(int*)(x + 4)).AsSByte();
        sumLow = TDots.Int4(TDots.Int4(sumLow, low, four), lowNext, next);
        sumHigh = TDots.Int4(TDots.Int4(sumHigh, high, four), highNext, next);
    }

    /// <summary>Codes are stored with 8 added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4Sum(byte* block, ref Vector256<int> sumLow, ref Vector256<int> sumHigh)
    {
        var eights = Vector256.Create(*(int*)(block + QuantizedRows.SumOffset) * 8);
        sumLow = TDots.Int4Sum(sumLow) + eights;
        sumHigh = TDots.Int4Sum(sumHigh) + eights;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* y, Vector256<int> low, Vector256<int> high, Vector256<float> scaleLow, Vector256<float> scaleHigh, byte* block)
    {
        var scale = Vector256.Create(*(float*)block);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(low), scaleLow * scale, Vector256.Load(y)).Store(y);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(high), scaleHigh * scale, Vector256.Load(y + Half)).Store(y + Half);
    }
}
