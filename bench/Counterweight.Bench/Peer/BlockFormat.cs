using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Counterweight.Bench.Peer;

/// <summary>How GGUF stores the weights of a file, and how random ones are made in it.</summary>
/// <param name="Name">GGUF's name of the type.</param>
/// <param name="TypeId">GGUF's number of the type.</param>
/// <param name="FileType">Value of <c>general.file_type</c>.</param>
/// <param name="BlockWeights">Weights of a block.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
internal sealed record BlockFormat(string Name, uint TypeId, uint FileType, int BlockWeights, int BlockBytes)
{
    /// <summary>Standard deviations of uniformly drawn codes of 8 and 4 bits.</summary>
    private const double Deviation8 = 73.9, Deviation4 = 4.6;

    public static readonly BlockFormat[] All =
    [
        new("bf16", 30, 32, 1, 2),
        new("q8_0", 8, 7, 32, 34),
        new("q4_0", 2, 2, 32, 18),
    ];

    public double BytesPerWeight => (double)BlockBytes / BlockWeights;

    public long BytesOf(long weights) => weights / BlockWeights * BlockBytes;

    /// <summary>Fills whole blocks with weights of that standard deviation.</summary>
    public void Fill(Span<byte> blocks, Random random, double deviation)
    {
        random.NextBytes(blocks);
        if (Name == "bf16")
            FillBFloat16(MemoryMarshal.Cast<byte, ushort>(blocks), deviation);
        else
            for (var at = 0; at < blocks.Length; at += BlockBytes)
                BinaryPrimitives.WriteHalfLittleEndian(blocks[at..], (Half)(deviation / (Name == "q8_0" ? Deviation8 : Deviation4)));
    }

    /// <summary>Sign and mantissa stay random; the exponent is one for all: magnitudes in [s, 2s) with s = 2/3 of the deviation, as a power of two.</summary>
    private static void FillBFloat16(Span<ushort> weights, double deviation)
    {
        var exponent = (ushort)((127 + (int)Math.Round(Math.Log2(deviation / 1.5))) << 7);
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (ushort)((weights[i] & 0x807F) | exponent);
    }
}
