using System.Globalization;
using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Quantization;

/// <summary>Makes stored matrices from fp32 weights, and fp32 weights from stored matrices.</summary>
public static class Quantizer
{
    /// <summary>Stores weights in a precision, each by the plain method of that precision.</summary>
    /// <param name="weights">[outputs, inputs].</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="precision">What to store them as.</param>
    /// <exception cref="InvalidInputException">A weight is NaN or infinite, or too large for half precision.</exception>
    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, int inputs, Precision precision)
    {
        CheckFinite(weights, inputs);
        return precision switch
        {
            Precision.Fp32 => new QuantizedMatrix(precision, outputs, inputs, MemoryMarshal.AsBytes(weights).ToArray(), []),
            Precision.Bf16 => Cast(weights, outputs, inputs, precision, BFloat16Bits.RoundToNearest),
            Precision.Fp16 => Cast(weights, outputs, inputs, precision, ToHalf),
            Precision.Int8 => IntegerQuantizer.Quantize(weights, outputs, inputs, IntegerGrid.Int8),
            Precision.Int4 => IntegerQuantizer.Quantize(weights, outputs, inputs, IntegerGrid.Int4),
            Precision.LlmInt8 => LlmInt8Quantizer.Quantize(weights, outputs, inputs),
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "the engine cannot hold this precision"),
        };
    }

    /// <summary>The weights that the codes stand for, [outputs, inputs].</summary>
    public static float[] Dequantize(QuantizedMatrix matrix)
    {
        var weights = new float[matrix.Outputs * matrix.Inputs];
        switch (matrix.Precision)
        {
            case Precision.Fp32:
                MemoryMarshal.Cast<byte, float>(matrix.Codes).CopyTo(weights);
                break;
            case Precision.Fp16:
                System.Numerics.Tensors.TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(matrix.Codes), weights);
                break;
            case Precision.Bf16:
                BFloat16.Widen(MemoryMarshal.Cast<byte, ushort>(matrix.Codes), weights);
                break;
            default:
                DequantizeIntegers(matrix, weights);
                break;
        }
        return weights;
    }

    internal static void CheckFinite(ReadOnlySpan<float> weights, int inputs)
    {
        for (var i = 0; i < weights.Length; i++)
            if (!float.IsFinite(weights[i]))
                throw new InvalidInputException($"weight [{i / inputs}, {i % inputs}]", weights[i].ToString(CultureInfo.InvariantCulture), "a finite number");
    }

    private static QuantizedMatrix Cast(ReadOnlySpan<float> weights, int outputs, int inputs, Precision precision, Func<float, ushort> bits)
    {
        var codes = new ushort[weights.Length];
        for (var i = 0; i < codes.Length; i++)
            codes[i] = bits(weights[i]);
        return new QuantizedMatrix(precision, outputs, inputs, MemoryMarshal.AsBytes<ushort>(codes).ToArray(), []);
    }

    private static ushort ToHalf(float value)
    {
        var half = (Half)value;
        return Half.IsFinite(half)
            ? BitConverter.HalfToUInt16Bits(half)
            : throw new InvalidInputException("weight", value.ToString(CultureInfo.InvariantCulture), "at most 65504, the largest half");
    }

    private static void DequantizeIntegers(QuantizedMatrix matrix, float[] weights)
    {
        var rowBytes = matrix.Codes.Length / matrix.Outputs;
        var scalesPerRow = matrix.Scales.Length / matrix.Outputs;
        for (var row = 0; row < matrix.Outputs; row++)
            for (var i = 0; i < matrix.Inputs; i++)
                weights[row * matrix.Inputs + i] = matrix.Precision switch
                {
                    Precision.Int4 => (((matrix.Codes[row * rowBytes + i / 2] >> (i % 2 * 4)) & 15) - 8) * matrix.Scales[row * scalesPerRow + i / QuantizedMatrix.GroupSize],
                    Precision.Int8 => (sbyte)matrix.Codes[row * rowBytes + i] * matrix.Scales[row],
                    _ => (sbyte)matrix.Codes[row * rowBytes + i] * matrix.Scales[row] / LlmInt8Quantizer.CodeMax,
                };
    }
}

/// <summary>Rounding to bfloat16.</summary>
internal static class BFloat16Bits
{
    /// <summary>The bits of the nearest bfloat16, ties to even.</summary>
    public static ushort RoundToNearest(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The nearest bfloat16 as a float.</summary>
    public static float Nearest(float value) => BitConverter.UInt32BitsToSingle((uint)RoundToNearest(value) << 16);

    /// <summary>The smallest bfloat16 that is not below a value of at least 0.</summary>
    public static float Up(float value) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0xFFFF) & 0xFFFF0000);
}
