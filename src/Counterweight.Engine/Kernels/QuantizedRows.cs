using System.Runtime.Intrinsics;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// Rows of activations as int8: for each 32 inputs a block of 40 bytes, which is the fp32 scale, minus the int32 sum of the codes, and the
/// codes −127..127. A row depends on nothing but itself.
/// </summary>
internal static unsafe class QuantizedRows
{
    /// <summary>Inputs of a block.</summary>
    public const int Group = 32;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 40;

    /// <summary>Where the negative sum lies in a block.</summary>
    public const int SumOffset = 4;

    /// <summary>Where the codes lie in a block.</summary>
    public const int CodesOffset = 8;

    private const float CodeMax = 127f;

    /// <summary>Below this a block counts as zero: the reciprocal of its scale would not be finite.</summary>
    private const float Smallest = 1e-35f;

    /// <summary>Bytes of a row.</summary>
    public static int RowBytes(int inputs) => (inputs + Group - 1) / Group * BlockBytes;

    /// <summary>Quantizes a row; inputs that fill up the last block are zeros.</summary>
    public static void Quantize(float* x, int inputs, byte* row)
    {
        var whole = inputs / Group * Group;
        for (var i = 0; i < whole; i += Group, row += BlockBytes)
            QuantizeBlock(x + i, row);
        if (whole == inputs)
            return;
        var padded = stackalloc float[Group];
        new Span<float>(padded, Group).Clear();
        new ReadOnlySpan<float>(x + whole, inputs - whole).CopyTo(new Span<float>(padded, Group));
        QuantizeBlock(padded, row);
    }

    private static void QuantizeBlock(float* x, byte* block)
    {
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        var maxima = Vector256.Max(Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
        var quarter = Vector128.Max(maxima.GetLower(), maxima.GetUpper());
        var half = Vector128.Max(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        var absmax = MathF.Max(half[0], half[1]);
        var inverse = absmax < Smallest ? 0 : CodeMax / absmax;
        Vector256<int> ia = Round(a * inverse), ib = Round(b * inverse), ic = Round(c * inverse), id = Round(d * inverse);
        *(float*)block = inverse == 0 ? 0 : absmax / CodeMax;
        *(int*)(block + SumOffset) = -Vector256.Sum(ia + ib + ic + id);
        Vector256.Narrow(Vector256.Narrow(ia, ib), Vector256.Narrow(ic, id)).Store((sbyte*)block + CodesOffset);
    }

    private static Vector256<int> Round(Vector256<float> values) => Vector256.ConvertToInt32(Vector256.Round(values));
}
