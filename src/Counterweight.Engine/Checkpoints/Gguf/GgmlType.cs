using Counterweight.Engine.Quantization.Blocks;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>
/// An element type of GGUF files: rows are whole blocks of <paramref name="blockValues"/> values in <paramref name="blockBytes"/> bytes.
/// </summary>
/// <param name="id">The number that stands in files.</param>
/// <param name="name">ggml's name.</param>
/// <param name="blockValues">Values of a block; 1 for plain numbers.</param>
/// <param name="blockBytes">Bytes of a block.</param>
/// <param name="decodeBlock">Decodes one block; null for types that are not made of blocks.</param>
public sealed unsafe class GgmlType(uint id, string name, int blockValues, int blockBytes, delegate*<byte*, float*, void> decodeBlock = null)
{
    private static readonly GgmlType[] Known =
    [
        new(0, "F32", 1, 4), new(1, "F16", 1, 2), new(30, "BF16", 1, 2),
        new(24, "I8", 1, 1), new(25, "I16", 1, 2), new(26, "I32", 1, 4), new(27, "I64", 1, 8), new(28, "F64", 1, 8),
        new(2, "Q4_0", 32, 18, &SmallBlocks.Q40), new(3, "Q4_1", 32, 20, &SmallBlocks.Q41),
        new(6, "Q5_0", 32, 22, &SmallBlocks.Q50), new(7, "Q5_1", 32, 24, &SmallBlocks.Q51),
        new(8, "Q8_0", 32, 34, &SmallBlocks.Q80), new(41, "Q1_0", 128, 18, &SmallBlocks.Q10),
        new(10, "Q2_K", 256, 84, &KBlocks.Q2), new(11, "Q3_K", 256, 110, &KBlocks.Q3), new(12, "Q4_K", 256, 144, &KBlocks.Q4),
        new(13, "Q5_K", 256, 176, &KBlocks.Q5), new(14, "Q6_K", 256, 210, &KBlocks.Q6), new(15, "Q8_K", 256, 292, &KBlocks.Q8),
        new(16, "IQ2_XXS", 256, 66, &GridBlocks.Iq2Xxs), new(17, "IQ2_XS", 256, 74, &GridBlocks.Iq2Xs),
        new(22, "IQ2_S", 256, 82, &GridBlocks.Iq2S), new(18, "IQ3_XXS", 256, 98, &GridBlocks.Iq3Xxs),
        new(21, "IQ3_S", 256, 110, &GridBlocks.Iq3S), new(19, "IQ1_S", 256, 50, &GridBlocks.Iq1S), new(29, "IQ1_M", 256, 56, &GridBlocks.Iq1M),
        new(20, "IQ4_NL", 32, 18, &FourBitFloatBlocks.Iq4Nl), new(23, "IQ4_XS", 256, 136, &FourBitFloatBlocks.Iq4Xs),
        new(34, "TQ1_0", 256, 54, &TernaryBlocks.Tq10), new(35, "TQ2_0", 256, 66, &TernaryBlocks.Tq20),
        new(39, "MXFP4", 32, 17, &FourBitFloatBlocks.MxFp4), new(40, "NVFP4", 64, 36, &FourBitFloatBlocks.NvFp4),
    ];

    private static readonly Dictionary<uint, GgmlType> ById = Known.ToDictionary(type => type.Id);

    /// <summary>All types that a file may hold.</summary>
    public static IReadOnlyList<GgmlType> All => Known;

    /// <summary>The number that stands in files.</summary>
    public uint Id => id;

    /// <summary>ggml's name, for example <c>Q4_K</c>.</summary>
    public string Name => name;

    /// <summary>Values of a block; 1 for plain numbers.</summary>
    public int BlockValues => blockValues;

    /// <summary>Bytes of a block.</summary>
    public int BlockBytes => blockBytes;

    /// <summary>Whether values stand in blocks with scales.</summary>
    public bool IsBlocks => decodeBlock != null;

    /// <summary>The same type as safetensors files name it, or null for blocks.</summary>
    public DType? Plain => DTypes.TryParse(Name, out var type) ? type : null;

    /// <summary>The type with that number, or null.</summary>
    public static GgmlType? Of(uint id) => ById.GetValueOrDefault(id);

    /// <summary>Bytes of so many values, which must be whole blocks.</summary>
    public long BytesOf(long values) => values / BlockValues * BlockBytes;

    /// <summary>Decodes whole blocks, exactly as ggml's reference does.</summary>
    /// <param name="blocks">The first block.</param>
    /// <param name="values">Receives all values; a multiple of <see cref="BlockValues"/>.</param>
    /// <exception cref="InvalidOperationException">The type has no blocks.</exception>
    public void Decode(byte* blocks, Span<float> values)
    {
        if (!IsBlocks)
            throw new InvalidOperationException($"{Name} is not made of blocks");
        fixed (float* destination = values)
            for (var i = 0; i < values.Length; i += BlockValues, blocks += BlockBytes)
                decodeBlock(blocks, destination + i);
    }
}
