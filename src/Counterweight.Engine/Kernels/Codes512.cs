using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> with AVX-512 BW alone, 4 or 1 rows × 2 panels: pairs of products in int16 as in <see cref="Avx2Dots"/>.
/// </summary>
internal sealed unsafe class Codes512 : CodeProduct
{
    protected override int TileRows(Precision weights) => 4;

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var int4 = weights == Precision.Int4;
        if (rows == 1)
            OneRow(int4, tile, panels);
        else
            FourRows(int4, tile, panels, rows);
    }


    private static void FourRows(bool int4, in CodeTile tile, int panels, int rows)
    {
        byte* first = tile.Codes, second = tile.NextCodes, next = tile.Next;
        float* scales = (float*)tile.Scales, nextScales = (float*)tile.NextScales;
        byte* x0 = (byte*)tile.X[0], x1 = (byte*)tile.X[Math.Min(1, rows - 1)], x2 = (byte*)tile.X[Math.Min(2, rows - 1)], x3 = (byte*)tile.X[Math.Min(3, rows - 1)];
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines * panels);
            Vector512<int> p0 = default, p1 = default, p2 = default, p3 = default, q0 = default, q1 = default, q2 = default, q3 = default;
            if (int4)
            {
                for (var word = 0; word < 4; word++, first += 64, second += 64)
                {
                    Vector512<byte> u = Vector512.Load(first), v = Vector512.Load(second), mask = Vector512.Create((byte)15);
                    Vector512<byte> nextU = (u.AsUInt16() >> 4).AsByte() & mask, nextV = (v.AsUInt16() >> 4).AsByte() & mask;
                    u &= mask;
                    v &= mask;
                    Int4(x0 + QuantizedRows.CodesOffset + 8 * word, u, v, nextU, nextV, ref p0, ref q0);
                    Int4(x1 + QuantizedRows.CodesOffset + 8 * word, u, v, nextU, nextV, ref p1, ref q1);
                    Int4(x2 + QuantizedRows.CodesOffset + 8 * word, u, v, nextU, nextV, ref p2, ref q2);
                    Int4(x3 + QuantizedRows.CodesOffset + 8 * word, u, v, nextU, nextV, ref p3, ref q3);
                }
                Int4Sum(x0, ref p0, ref q0);
                Int4Sum(x1, ref p1, ref q1);
                Int4Sum(x2, ref p2, ref q2);
                Int4Sum(x3, ref p3, ref q3);
            }
            else
            {
                for (var word = 0; word < 8; word++, first += 64, second += 64)
                {
                    Vector512<sbyte> u = Vector512.Load((sbyte*)first), v = Vector512.Load((sbyte*)second);
                    Vector512<byte> absU = Avx512BW.Abs(u), absV = Avx512BW.Abs(v);
                    Int8(x0 + QuantizedRows.CodesOffset + 4 * word, absU, u, absV, v, ref p0, ref q0);
                    Int8(x1 + QuantizedRows.CodesOffset + 4 * word, absU, u, absV, v, ref p1, ref q1);
                    Int8(x2 + QuantizedRows.CodesOffset + 4 * word, absU, u, absV, v, ref p2, ref q2);
                    Int8(x3 + QuantizedRows.CodesOffset + 4 * word, absU, u, absV, v, ref p3, ref q3);
                }
            }
            Vector512<float> scale = Vector512.Load(scales), nextScale = Vector512.Load(nextScales);
            Add(x0, p0, q0, scale, nextScale, ref a0, ref b0);
            Add(x1, p1, q1, scale, nextScale, ref a1, ref b1);
            Add(x2, p2, q2, scale, nextScale, ref a2, ref b2);
            Add(x3, p3, q3, scale, nextScale, ref a3, ref b3);
            scales += tile.ScaleStep / sizeof(float);
            nextScales += tile.ScaleStep / sizeof(float);
            x0 += QuantizedRows.BlockBytes;
            x1 += QuantizedRows.BlockBytes;
            x2 += QuantizedRows.BlockBytes;
            x3 += QuantizedRows.BlockBytes;
        }
        Store(tile.Y[0], panels, a0, b0);
        Store(tile.Y[Math.Min(1, rows - 1)], panels, a1, b1);
        Store(tile.Y[Math.Min(2, rows - 1)], panels, a2, b2);
        Store(tile.Y[Math.Min(3, rows - 1)], panels, a3, b3);
    }

    private static void OneRow(bool int4, in CodeTile tile, int panels)
    {
        byte* first = tile.Codes, second = tile.NextCodes, next = tile.Next;
        float* scales = (float*)tile.Scales, nextScales = (float*)tile.NextScales;
        byte* x0 = (byte*)tile.X[0];
        Vector512<float> a0 = default, b0 = default;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines * panels);
            Vector512<int> p0 = default, q0 = default;
            if (int4)
            {
                for (var word = 0; word < 4; word++, first += 64, second += 64)
                {
                    Vector512<byte> u = Vector512.Load(first), v = Vector512.Load(second), mask = Vector512.Create((byte)15);
                    Vector512<byte> nextU = (u.AsUInt16() >> 4).AsByte() & mask, nextV = (v.AsUInt16() >> 4).AsByte() & mask;
                    u &= mask;
                    v &= mask;
                    Int4(x0 + QuantizedRows.CodesOffset + 8 * word, u, v, nextU, nextV, ref p0, ref q0);
                }
                Int4Sum(x0, ref p0, ref q0);
            }
            else
            {
                for (var word = 0; word < 8; word++, first += 64, second += 64)
                {
                    Vector512<sbyte> u = Vector512.Load((sbyte*)first), v = Vector512.Load((sbyte*)second);
                    Vector512<byte> absU = Avx512BW.Abs(u), absV = Avx512BW.Abs(v);
                    Int8(x0 + QuantizedRows.CodesOffset + 4 * word, absU, u, absV, v, ref p0, ref q0);
                }
            }
            Vector512<float> scale = Vector512.Load(scales), nextScale = Vector512.Load(nextScales);
            Add(x0, p0, q0, scale, nextScale, ref a0, ref b0);
            scales += tile.ScaleStep / sizeof(float);
            nextScales += tile.ScaleStep / sizeof(float);
            x0 += QuantizedRows.BlockBytes;
        }
        Store(tile.Y[0], panels, a0, b0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int8(
        byte* x, Vector512<byte> absU, Vector512<sbyte> u, Vector512<byte> absV, Vector512<sbyte> v, ref Vector512<int> sumU, ref Vector512<int> sumV)
    {
        var four = Vector512.Create(*(int*)x).AsSByte();
        sumU += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(absU, Sign(four, u)), Vector512<short>.One);
        sumV += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(absV, Sign(four, v)), Vector512<short>.One);
    }

    /// <summary>x with the signs of the weights; where a weight is zero its product is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Sign(Vector512<sbyte> x, Vector512<sbyte> weights) =>
        Vector512.ConditionalSelect(Vector512.LessThan(weights, Vector512<sbyte>.Zero), Vector512<sbyte>.Zero - x, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4(
        byte* x, Vector512<byte> u, Vector512<byte> v, Vector512<byte> nextU, Vector512<byte> nextV, ref Vector512<int> sumU, ref Vector512<int> sumV)
    {
        Vector512<sbyte> four = Vector512.Create(*(int*)x).AsSByte(), next = Vector512.Create(*(int*)(x + 4)).AsSByte();
        sumU = (sumU.AsInt16() + Avx512BW.MultiplyAddAdjacent(u, four) + Avx512BW.MultiplyAddAdjacent(nextU, next)).AsInt32();
        sumV = (sumV.AsInt16() + Avx512BW.MultiplyAddAdjacent(v, four) + Avx512BW.MultiplyAddAdjacent(nextV, next)).AsInt32();
    }

    /// <summary>Codes are stored with 8 added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4Sum(byte* block, ref Vector512<int> sumU, ref Vector512<int> sumV)
    {
        var eights = Vector512.Create(*(int*)(block + QuantizedRows.SumOffset) * 8);
        sumU = Avx512BW.MultiplyAddAdjacent(sumU.AsInt16(), Vector512<short>.One) + eights;
        sumV = Avx512BW.MultiplyAddAdjacent(sumV.AsInt16(), Vector512<short>.One) + eights;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        byte* block, Vector512<int> u, Vector512<int> v, Vector512<float> scale, Vector512<float> nextScale, ref Vector512<float> sumU, ref Vector512<float> sumV)
    {
        var x = Vector512.Create(*(float*)block);
        sumU = Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(u), scale * x, sumU);
        sumV = Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(v), nextScale * x, sumV);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(nint y, int panels, Vector512<float> u, Vector512<float> v)
    {
        u.Store((float*)y);
        if (panels == 2)
            v.Store((float*)y + Vector512<float>.Count);
    }
}
