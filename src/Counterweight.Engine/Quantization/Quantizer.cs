using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>Makes stored matrices from fp32 weights, and fp32 weights from stored matrices.</summary>
public static class Quantizer
{
    /// <summary>Stores weights in a precision, each by the plain method of that precision.</summary>
    /// <param name="weights">[outputs, inputs].</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="precision">What to store them as.</param>
    /// <exception cref="InvalidInputException">A weight is NaN or infinite, or too large for a half or bfloat16.</exception>
    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, int inputs, Precision precision)
    {
        CheckFinite(weights, inputs);
        return precision switch
        {
            Precision.Fp32 => new QuantizedMatrix(precision, outputs, inputs, MemoryMarshal.AsBytes(weights).ToArray(), []),
            Precision.Bf16 => ToBfloat16(weights, outputs, inputs),
            Precision.Fp16 => ToHalf(weights, outputs, inputs),
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
        Dequantize(matrix, weights);
        return weights;
    }

    /// <summary>The weights that the codes stand for.</summary>
    /// <param name="matrix">Stored weights.</param>
    /// <param name="weights">Receives them, [outputs, inputs].</param>
    public static void Dequantize(QuantizedMatrix matrix, Span<float> weights)
    {
        switch (matrix.Precision)
        {
            case Precision.Fp32:
                MemoryMarshal.Cast<byte, float>(matrix.Codes.Span).CopyTo(weights);
                break;
            case Precision.Fp16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(matrix.Codes.Span), weights);
                break;
            case Precision.Bf16:
                BFloat16.Widen(MemoryMarshal.Cast<byte, ushort>(matrix.Codes.Span), weights);
                break;
            case Precision.Stored:
                matrix.CopyStored(weights);
                break;
            default:
                DequantizeIntegers(matrix, weights);
                break;
        }
    }

    internal static void CheckFinite(ReadOnlySpan<float> weights, int inputs)
    {
        for (var i = 0; i < weights.Length; i++)
            if (!float.IsFinite(weights[i]))
                throw Refuse(weights, inputs, i, "a finite number");
    }

    private static QuantizedMatrix ToBfloat16(ReadOnlySpan<float> weights, int outputs, int inputs)
    {
        const ushort Infinity = 0x7F80;
        var bytes = new byte[weights.Length * sizeof(ushort)];
        var codes = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = BFloat16.RoundToNearest(weights[i]);
            if ((codes[i] & 0x7FFF) == Infinity)
                throw Refuse(weights, inputs, i, "at most 3.3895e38, the largest bfloat16");
        }
        return new QuantizedMatrix(Precision.Bf16, outputs, inputs, bytes, []);
    }

    private static QuantizedMatrix ToHalf(ReadOnlySpan<float> weights, int outputs, int inputs)
    {
        var bytes = new byte[weights.Length * sizeof(ushort)];
        var codes = MemoryMarshal.Cast<byte, Half>(bytes.AsSpan());
        TensorPrimitives.ConvertToHalf(weights, codes);
        for (var i = 0; i < codes.Length; i++)
            if (!Half.IsFinite(codes[i]))
                throw Refuse(weights, inputs, i, "at most 65504, the largest half");
        return new QuantizedMatrix(Precision.Fp16, outputs, inputs, bytes, []);
    }

    private static InvalidInputException Refuse(ReadOnlySpan<float> weights, int inputs, int at, string expected) =>
        new($"weight [{at / inputs}, {at % inputs}]", weights[at].ToString(CultureInfo.InvariantCulture), expected);

    private static void DequantizeIntegers(QuantizedMatrix matrix, Span<float> weights)
    {
        var codes = matrix.Codes.Span;
        var rowBytes = codes.Length / matrix.Outputs;
        var scalesPerRow = matrix.Scales.Length / matrix.Outputs;
        var group = matrix.ScaleFormat.Group == 0 ? matrix.Inputs : matrix.ScaleFormat.Group;
        for (var row = 0; row < matrix.Outputs; row++)
            for (var i = 0; i < matrix.Inputs; i++)
            {
                var scale = matrix.Scales[row * scalesPerRow + i / group];
                weights[row * matrix.Inputs + i] = matrix.Precision switch
                {
                    Precision.Int4 => (((codes[row * rowBytes + i / 2] >> (i % 2 * 4)) & 15) - 8) * scale,
                    Precision.Int8 => (sbyte)codes[row * rowBytes + i] * scale,
                    _ => (sbyte)codes[row * rowBytes + i] * scale / LlmInt8Quantizer.CodeMax,
                };
            }
    }
}
