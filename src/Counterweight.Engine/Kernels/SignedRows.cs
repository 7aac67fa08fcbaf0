using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// Rows of activations for products of int8 by pairs in int16, where the unsigned operand must be small enough: magnitudes, and signs (0 or −1) that flip the bits of
/// the weights, which is one instruction that every pipe has. A flipped weight is one less than a negated one, so sums lack the magnitudes of negative activations:
/// they begin with them. A block is the fp32 scale, that int32 start, the magnitudes and the signs.
/// </summary>
internal static unsafe class SignedRows
{
    public const int BlockBytes = 72;
    public const int StartOffset = 4;
    public const int MagnitudesOffset = 8;
    public const int SignsOffset = 40;

    [ThreadStatic]
    private static AlignedBuffer? _rows; // [rows] pointers, then [rows][groups] blocks

    /// <summary>Makes them of <see cref="QuantizedRows"/>; valid until the thread's next call.</summary>
    public static byte** Make(byte** x, int rows, int groups)
    {
        var pointers = (byte**)Scratch.Reserve(ref _rows, rows * ((long)groups * BlockBytes + sizeof(byte*)) / sizeof(float));
        var made = (byte*)(pointers + rows);
        for (var r = 0; r < rows; r++)
        {
            pointers[r] = made;
            for (var g = 0; g < groups; g++, made += BlockBytes)
                MakeBlock(x[r] + g * QuantizedRows.BlockBytes, made);
        }
        return pointers;
    }

    private static void MakeBlock(byte* block, byte* made)
    {
        var codes = Vector256.Load((sbyte*)block + QuantizedRows.CodesOffset);
        var magnitudes = Avx2.Abs(codes);
        var signs = Vector256.LessThan(codes, Vector256<sbyte>.Zero).AsByte();
        *(float*)made = *(float*)block;
        *(int*)(made + StartOffset) = (int)Vector256.Sum(Avx2.SumAbsoluteDifferences(magnitudes & signs, Vector256<byte>.Zero).AsInt64());
        magnitudes.Store(made + MagnitudesOffset);
        signs.Store(made + SignsOffset);
    }
}
