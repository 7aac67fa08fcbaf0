using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization.Blocks;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The two ggml types that are symmetric integers with a half scale for each 32 inputs: Q8_0 and Q4_0. Kernels multiply them as integers.</summary>
internal sealed unsafe class GgmlIntegerFormat : IntegerFormat
{
    private const int Group = 32, ScaleBytes = 2, HalfGroup = Group / 2;

    private readonly GgmlType _type;

    private GgmlIntegerFormat(GgmlType type, Precision codes) => (_type, Codes) = (type, codes);

    public static GgmlIntegerFormat? TryOf(GgmlType type) => type.Name switch
    {
        "Q8_0" => new GgmlIntegerFormat(type, Precision.Int8),
        "Q4_0" => new GgmlIntegerFormat(type, Precision.Int4),
        _ => null,
    };

    public override string Name => GgmlFormats.Prefix + _type.Name;

    public override Precision Codes { get; }

    public override ScaleFormat Scales => new(ScaleType.Half, Group);

    public override long Bytes(int outputs, int inputs) => GgmlFormats.Bytes(_type, outputs, inputs);

    public override void ReadRow(in StoredCodes source, int row, Span<byte> codes, Span<float> scales)
    {
        for (var g = 0; g < scales.Length; g++)
        {
            var block = Block(source, row, g);
            scales[g] = BlockValues.Half(block);
            if (Codes == Precision.Int8)
                new ReadOnlySpan<byte>(block + ScaleBytes, Group).CopyTo(codes[(g * Group)..]);
            else
                ToNeighbours(block + ScaleBytes, codes.Slice(g * HalfGroup, HalfGroup));
        }
    }

    public override void WriteRow(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, in StoredCodes target, int row)
    {
        for (var g = 0; g < scales.Length; g++)
        {
            var block = Block(target, row, g);
            Unsafe.WriteUnaligned(block, (Half)scales[g]);
            if (Codes == Precision.Int8)
                codes.Slice(g * Group, Group).CopyTo(new Span<byte>(block + ScaleBytes, Group));
            else
                ToHalves(codes.Slice(g * HalfGroup, HalfGroup), block + ScaleBytes);
        }
    }

    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values) =>
        _type.Decode(codes.Pointer + _type.BytesOf((long)row * codes.Inputs + firstInput), new Span<float>(values, count));

    private byte* Block(in StoredCodes codes, int row, int group) => codes.Pointer + _type.BytesOf((long)row * codes.Inputs + group * Group);

    /// <summary>ggml's byte i holds codes i and i + 16; the project's holds codes 2i and 2i + 1.</summary>
    private static void ToNeighbours(byte* halves, Span<byte> neighbours)
    {
        var codes = Vector128.Load(halves);
        Vector128<ushort> low = (codes & Vector128.Create((byte)15)).AsUInt16(), high = (codes >> 4).AsUInt16();
        Vector128.Narrow((low | (low >> 4)) & Vector128.Create((ushort)0xFF), (high | (high >> 4)) & Vector128.Create((ushort)0xFF)).CopyTo(neighbours);
    }

    private static void ToHalves(ReadOnlySpan<byte> neighbours, byte* halves)
    {
        for (var i = 0; i < HalfGroup; i++)
            halves[i] = (byte)(Code(neighbours, i) | Code(neighbours, i + HalfGroup) << 4);
    }

    private static int Code(ReadOnlySpan<byte> neighbours, int i) => neighbours[i / 2] >> (i % 2 * 4) & 15;
}
