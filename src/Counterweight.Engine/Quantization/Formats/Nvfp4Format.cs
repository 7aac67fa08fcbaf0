using System.Runtime.CompilerServices;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>
/// NVFP4: blocks of 16 inputs, each an e4m3 scale and 8 bytes of e2m1 codes, the even input in the low nibble; behind all rows one fp32 scale for the matrix.
/// weight = code · (scale · matrix scale), or code · (scale / matrix scale).
/// </summary>
public sealed unsafe class Nvfp4Format : RowFormat
{
    /// <summary>Inputs of a block.</summary>
    public const int BlockInputs = 16;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 1 + BlockInputs / 2;

    private readonly bool _divides;

    private Nvfp4Format(bool divides) => _divides = divides;

    /// <summary>Block scales are multiplied by that of the matrix, as TensorRT Model Optimizer stores them.</summary>
    public static Nvfp4Format Multiplied { get; } = new(divides: false);

    /// <summary>Block scales are divided by that of the matrix, as compressed-tensors stores them.</summary>
    public static Nvfp4Format Divided { get; } = new(divides: true);

    /// <inheritdoc/>
    public override string Name => _divides ? "nvfp4-divided" : "nvfp4-multiplied";

    /// <summary>The format of that name, or null.</summary>
    public static Nvfp4Format? Parse(string name) => Array.Find([Multiplied, Divided], format => format.Name == name);

    /// <summary>Where the matrix's scale lies, in bytes.</summary>
    public static long ScaleAt(int outputs, int inputs) => outputs * RowBytes(inputs);

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) => ScaleAt(outputs, inputs) + sizeof(float);

    /// <inheritdoc/>
    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values)
    {
        var ofMatrix = Unsafe.ReadUnaligned<float>(codes.Pointer + ScaleAt(codes.Outputs, codes.Inputs));
        var block = codes.Pointer + row * RowBytes(codes.Inputs) + firstInput / BlockInputs * BlockBytes;
        for (var i = 0; i < count; i += BlockInputs, block += BlockBytes)
        {
            var ofBlock = Float8.ValueOfE4M3(*block);
            Float4.Decode(block + 1, _divides ? ofBlock / ofMatrix : ofBlock * ofMatrix, values + i, Math.Min(BlockInputs, count - i));
        }
    }

    private static long RowBytes(int inputs) => (inputs + BlockInputs - 1) / BlockInputs * (long)BlockBytes;
}
