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
            Float4.Decode(block + 1, Scales[*block], values + i, Math.Min(BlockInputs, count - i));
    }

    private static long RowBytes(int inputs) => (inputs + BlockInputs - 1) / BlockInputs * (long)BlockBytes;
}
