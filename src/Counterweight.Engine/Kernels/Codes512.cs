using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> with AVX-512 BW alone, up to 4 rows × 2 panels: pairs of products in int16 as in <see cref="Avx2Dots"/>.
/// </summary>
internal sealed unsafe class Codes512 : CodeProduct
{
    protected override int TileRows(Precision weights) => 4;

    protected override byte** Prepare(Precision weights, byte** x, int rows, int groups) => weights == Precision.Int8 ? SignedRows.Make(x, rows, groups) : x;

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var int4 = weights == Precision.Int4;
        switch (rows)
        {
            case 1: Multiply<OneRow>(int4, tile, panels); break;
            case 2: Multiply<TwoRows>(int4, tile, panels); break;
            case 3: Multiply<ThreeRows>(int4, tile, panels); break;
            default: Multiply<FourRows>(int4, tile, panels); break;
        }
    }

    private static void Multiply<TRows>(bool int4, in CodeTile tile, int panels) where TRows : struct, ITileRows
    {
        byte* first = tile.Codes, second = tile.NextCodes, next = tile.Next;
        float* scales = (float*)tile.Scales, nextScales = (float*)tile.NextScales;
        var blockBytes = int4 ? QuantizedRows.BlockBytes : SignedRows.BlockBytes;
        byte* x0 = (byte*)tile.X[0], x1 = TRows.Count > 1 ? (byte*)tile.X[1] : x0, x2 = TRows.Count > 2 ? (byte*)tile.X[2] : x0, x3 = TRows.Count > 3 ? (byte*)tile.X[3] : x0;
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var g = tile.Groups; g > 0; g--)
        {
            next = Fetch(next, tile.FetchLines * panels);
            Vector512<int> p0 = Start(int4, x0), p1 = Start(int4, x1), p2 = Start(int4, x2), p3 = Start(int4, x3), q0 = p0, q1 = p1, q2 = p2, q3 = p3;
            if (int4)
            {
                for (var word = 0; word < 4; word++, first += 64, second += 64)
                {
                    Vector512<byte> u = Vector512.Load(first), v = Vector512.Load(second), mask = Vector512.Create((byte)15);
                    Vector512<byte> nextU = (u.AsUInt16() >> 4).AsByte() & mask, nextV = (v.AsUInt16() >> 4).AsByte() & mask;
                    u &= mask;
                    v &= mask;
                    Int4(x0, word, u, v, nextU, nextV, ref p0, ref q0);
                    if (TRows.Count > 1)
                        Int4(x1, word, u, v, nextU, nextV, ref p1, ref q1);
                    if (TRows.Count > 2)
                        Int4(x2, word, u, v, nextU, nextV, ref p2, ref q2);
                    if (TRows.Count > 3)
                        Int4(x3, word, u, v, nextU, nextV, ref p3, ref q3);
                }
                (p0, p1, p2, p3) = (Int4Sum(p0), Int4Sum(p1), Int4Sum(p2), Int4Sum(p3));
                (q0, q1, q2, q3) = (Int4Sum(q0), Int4Sum(q1), Int4Sum(q2), Int4Sum(q3));
            }
            else
            {
                for (var word = 0; word < 8; word++, first += 64, second += 64)
                {
                    Vector512<byte> u = Vector512.Load(first), v = Vector512.Load(second);
                    Int8(x0, word, u, v, ref p0, ref q0);
                    if (TRows.Count > 1)
                        Int8(x1, word, u, v, ref p1, ref q1);
                    if (TRows.Count > 2)
                        Int8(x2, word, u, v, ref p2, ref q2);
                    if (TRows.Count > 3)
                        Int8(x3, word, u, v, ref p3, ref q3);
                }
            }
            Vector512<float> scale = Vector512.Load(scales), nextScale = Vector512.Load(nextScales);
            Add(x0, p0, q0, scale, nextScale, ref a0, ref b0);
            if (TRows.Count > 1)
                Add(x1, p1, q1, scale, nextScale, ref a1, ref b1);
            if (TRows.Count > 2)
                Add(x2, p2, q2, scale, nextScale, ref a2, ref b2);
            if (TRows.Count > 3)
                Add(x3, p3, q3, scale, nextScale, ref a3, ref b3);
            scales += tile.ScaleStep / sizeof(float);
            nextScales += tile.ScaleStep / sizeof(float);
            x0 += blockBytes;
            x1 += blockBytes;
            x2 += blockBytes;
            x3 += blockBytes;
        }
        Store(tile.Y[0], panels, a0, b0);
        if (TRows.Count > 1)
            Store(tile.Y[1], panels, a1, b1);
        if (TRows.Count > 2)
            Store(tile.Y[2], panels, a2, b2);
        if (TRows.Count > 3)
            Store(tile.Y[3], panels, a3, b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Start(bool int4, byte* block) =>
        int4 ? (Vector512.Create(*(short*)(block + QuantizedRows.SumOffset)) << 2).AsInt32() : Vector512.Create(*(int*)(block + SignedRows.StartOffset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int8(byte* block, int word, Vector512<byte> u, Vector512<byte> v, ref Vector512<int> sumU, ref Vector512<int> sumV)
    {
        var magnitudes = Vector512.Create(*(int*)(block + SignedRows.MagnitudesOffset + 4 * word)).AsByte();
        var signs = Vector512.Create(*(int*)(block + SignedRows.SignsOffset + 4 * word)).AsByte();
        sumU += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(magnitudes, (u ^ signs).AsSByte()), Vector512<short>.One);
        sumV += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(magnitudes, (v ^ signs).AsSByte()), Vector512<short>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Int4(
        byte* block, int word, Vector512<byte> u, Vector512<byte> v, Vector512<byte> nextU, Vector512<byte> nextV, ref Vector512<int> sumU, ref Vector512<int> sumV)
    {
        var x = (int*)(block + QuantizedRows.CodesOffset) + 2 * word;
        Vector512<sbyte> four = Vector512.Create(x[0]).AsSByte(), next = Vector512.Create(x[1]).AsSByte();
        sumU = (sumU.AsInt16() + Avx512BW.MultiplyAddAdjacent(u, four) + Avx512BW.MultiplyAddAdjacent(nextU, next)).AsInt32();
        sumV = (sumV.AsInt16() + Avx512BW.MultiplyAddAdjacent(v, four) + Avx512BW.MultiplyAddAdjacent(nextV, next)).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Int4Sum(Vector512<int> sum) => Avx512BW.MultiplyAddAdjacent(sum.AsInt16(), Vector512<short>.One);

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
