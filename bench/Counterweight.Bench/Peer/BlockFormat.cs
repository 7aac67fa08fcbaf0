using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Counterweight.Engine.Quantization;

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

    /// <summary>Weights as whole blocks, rounded as ggml's reference quantizers do.</summary>
    public byte[] Encode(ReadOnlySpan<float> weights)
    {
        var blocks = new byte[BytesOf(weights.Length)];
        for (var (i, at) = (0, 0); i < weights.Length; i += BlockWeights, at += BlockBytes)
            EncodeBlock(weights.Slice(i, BlockWeights), blocks.AsSpan(at, BlockBytes));
        return blocks;
    }

    private void EncodeBlock(ReadOnlySpan<float> weights, Span<byte> block)
    {
        switch (Name)
        {
            case "bf16":
                BinaryPrimitives.WriteUInt16LittleEndian(block, BFloat16.RoundToNearest(weights[0]));
                break;
            case "q8_0":
                var scale = TensorPrimitives.MaxMagnitude(weights) is var largest && largest < 0 ? -largest / 127 : largest / 127;
                BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
                for (var i = 0; i < weights.Length; i++)
                    block[2 + i] = (byte)(sbyte)MathF.Round(scale == 0 ? 0 : weights[i] / scale, MidpointRounding.AwayFromZero);
                break;
            default:
                // The weight of largest magnitude becomes code 0, which stands for -8.
                var step = TensorPrimitives.MaxMagnitude(weights) / -8;
                BinaryPrimitives.WriteHalfLittleEndian(block, (Half)step);
                for (var i = 0; i < 16; i++)
                    block[2 + i] = (byte)(Code4(weights[i], step) | Code4(weights[i + 16], step) << 4);
                break;
        }
    }

    private static int Code4(float weight, float step) => Math.Min(15, (int)((step == 0 ? 0 : weight / step) + 8.5f));

    /// <summary>Sign and mantissa stay random; the exponent is one for all: magnitudes in [s, 2s) with s = 2/3 of the deviation, as a power of two.</summary>
    private static void FillBFloat16(Span<ushort> weights, double deviation)
    {
        var exponent = (ushort)((127 + (int)Math.Round(Math.Log2(deviation / 1.5))) << 7);
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (ushort)((weights[i] & 0x807F) | exponent);
    }
}
