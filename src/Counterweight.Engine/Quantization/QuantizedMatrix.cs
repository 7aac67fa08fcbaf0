using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Quantization;

/// <summary>
/// A weight matrix [Outputs, Inputs] as it is stored: row-major codes in one precision, with its scales, or a checkpoint's own format. This is what quantizers
/// make, what checkpoints hold and what kernels pack from.
/// </summary>
/// <param name="Precision">How <paramref name="Codes"/> are to be read.</param>
/// <param name="Outputs">Rows.</param>
/// <param name="Inputs">Columns.</param>
/// <param name="Codes">
/// fp32, fp16, bf16: the little-endian values. int8 and llm.int8: one sbyte a weight. int4: two weights a byte, the even column in the
/// low nibble, stored as code + 8; a row of odd length ends with a half-used byte. stored: all bytes that <see cref="Format"/> reads. They may lie in a mapped
/// file, and are then valid as long as its checkpoint is open.
/// </param>
/// <param name="Scales">
/// int8: [Outputs], value = code · scale. llm.int8: [Outputs], the absolute maxima, value = code · scale / 127.
/// int4: [Outputs, ceil(Inputs / 32)], value = (code − 8) · scale. Otherwise empty. Scales of int8 and int4 are bfloat16 values: widening
/// one is a shift, and no scale can overflow or vanish as a half would. Those of llm.int8 are fp32, as published.
/// </param>
public sealed record QuantizedMatrix(Precision Precision, int Outputs, int Inputs, ReadOnlyMemory<byte> Codes, float[] Scales)
{
    /// <summary>How the scales are kept and how many inputs share one, where that is not what the precision's own quantizer makes.</summary>
    public ScaleFormat ScaleFormat { get; init; } = ScaleFormat.Of(Precision);

    /// <summary>Inputs that share a scale in int4.</summary>
    public const int GroupSize = 32;

    /// <summary>How the codes are to be read if the precision is <see cref="Precision.Stored"/>; otherwise null.</summary>
    public StoredFormat? Format { get; private init; }

    /// <summary>A matrix in a checkpoint's own format.</summary>
    /// <param name="format">The format.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="codes">All its bytes.</param>
    /// <exception cref="ArgumentException">There are more or fewer bytes than the shape asks for.</exception>
    public static QuantizedMatrix Stored(StoredFormat format, int outputs, int inputs, ReadOnlyMemory<byte> codes) =>
        codes.Length == format.Bytes(outputs, inputs)
            ? new QuantizedMatrix(Precision.Stored, outputs, inputs, codes, []) { Format = format }
            : throw new ArgumentException($"{codes.Length} bytes for {format.Name} [{outputs}, {inputs}], which takes {format.Bytes(outputs, inputs)}");

    /// <summary>The same matrix as <see cref="Precision.Stored"/>, floats in their own format: what a slot of that precision holds.</summary>
    public QuantizedMatrix AsStored() => Format is null ? Stored(FloatFormat.Of(Precision), Outputs, Inputs, Codes) : this;

    /// <summary>Widens a matrix of a checkpoint's own format, [Outputs, Inputs].</summary>
    internal unsafe void CopyStored(Span<float> values)
    {
        using var codes = Codes.Pin();
        fixed (float* target = values[..(Outputs * Inputs)])
            Format!.Decode(new StoredCodes((byte*)codes.Pointer, Outputs, Inputs), target);
    }

    /// <summary>Widens one row of floats or of a checkpoint's own format, [Inputs].</summary>
    internal unsafe void CopyRow(int row, Span<float> values)
    {
        using var codes = Codes.Pin();
        var format = Format ?? FloatFormat.Of(Precision);
        fixed (float* target = values[..Inputs])
            format.DecodeRow(new StoredCodes((byte*)codes.Pointer, Outputs, Inputs), row, target);
    }
}
