using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>
/// MXFP4 (OCP Microscaling Formats 1.0) with neighbours in one byte, as gpt-oss has it: blocks of 32 inputs, each the exponent byte of its power of two and 16
/// bytes of e2m1 codes, the even input in the low nibble.
/// </summary>
public sealed unsafe class Mxfp4Format : RowFormat
{
    /// <summary>Inputs of a block.</summary>
    public const int BlockInputs = 32;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 1 + BlockInputs / 2;

    private const string FormatName = "mxfp4-pairs";

    private static readonly float[] Values = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    // 255 is infinite, as a power of two beyond the largest is where the reference computes it.
    private static readonly float[] Scales = [.. Enumerable.Range(0, 256).Select(exponent => MathF.ScaleB(1, exponent - 127))];

    private Mxfp4Format()
    {
    }

    /// <summary>The format.</summary>
    public static Mxfp4Format Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => FormatName;

    /// <summary>The format if it has that name, or null.</summary>
    public static Mxfp4Format? Parse(string name) => name == FormatName ? Instance : null;

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) => outputs * RowBytes(inputs);

    /// <inheritdoc/>
    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values)
    {
        var block = codes.Pointer + row * RowBytes(codes.Inputs) + firstInput / BlockInputs * BlockBytes;
        for (var i = 0; i < count; i += BlockInputs, block += BlockBytes)
            if (Avx2.IsSupported && count - i >= BlockInputs)
                DecodeBlock(block, values + i);
            else
                DecodeScalar(block, values + i, Math.Min(BlockInputs, count - i));
    }

    /// <summary>Some weights of a block, one by one.</summary>
    internal static void DecodeScalar(byte* block, float* values, int count)
    {
        for (var i = 0; i < count; i++)
            values[i] = Values[(block[1 + i / 2] >> (i % 2 * 4)) & 15] * Scales[*block];
    }

    private static long RowBytes(int inputs) => (inputs + BlockInputs - 1) / BlockInputs * (long)BlockBytes;

    private static void DecodeBlock(byte* block, float* values)
    {
        var pairs = Vector128.Load(block + 1);
        var even = pairs & Vector128.Create((byte)15);
        var odd = (pairs.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)15);
        var scale = Vector256.Create(Scales[*block]);
        Store(Sse2.UnpackLow(even, odd), scale, values);
        Store(Sse2.UnpackHigh(even, odd), scale, values + 16);
    }

    private static void Store(Vector128<byte> codes, Vector256<float> scale, float* values)
    {
        Store(Avx2.ConvertToVector256Int32(codes), scale, values);
        Store(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(codes, 8)), scale, values + 8);
    }

    // The permutation reads the low three bits; the fourth is the sign.
    private static void Store(Vector256<int> codes, Vector256<float> scale, float* values)
    {
        var magnitude = Avx2.PermuteVar8x32(Vector256.Create(0, 0.5f, 1, 1.5f, 2, 3, 4, 6), codes);
        var sign = (codes & Vector256.Create(8)) << 28;
        ((magnitude.AsInt32() | sign).AsSingle() * scale).Store(values);
    }
}
