using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>
/// A weight matrix [Outputs, Inputs] as it is stored: row-major codes in one precision, with its scales. This is what quantizers make,
/// what balanced checkpoints hold and what kernels pack from.
/// </summary>
/// <param name="Precision">How <paramref name="Codes"/> are to be read.</param>
/// <param name="Outputs">Rows.</param>
/// <param name="Inputs">Columns.</param>
/// <param name="Codes">
/// fp32, fp16, bf16: the little-endian values. int8 and llm.int8: one sbyte a weight. int4: two weights a byte, the even column in the
/// low nibble, stored as code + 8; a row of odd length ends with a half-used byte.
/// </param>
/// <param name="Scales">
/// int8: [Outputs], value = code · scale. llm.int8: [Outputs], the absolute maxima, value = code · scale / 127.
/// int4: [Outputs, ceil(Inputs / 32)], value = (code − 8) · scale. Otherwise empty. Scales of int8 and int4 are bfloat16 values: widening
/// one is a shift, and no scale can overflow or vanish as a half would. Those of llm.int8 are fp32, as published.
/// </param>
public sealed record QuantizedMatrix(Precision Precision, int Outputs, int Inputs, byte[] Codes, float[] Scales)
{
    /// <summary>Inputs that share a scale in int4.</summary>
    public const int GroupSize = 32;
}
