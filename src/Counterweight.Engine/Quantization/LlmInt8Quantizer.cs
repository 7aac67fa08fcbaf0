using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>The weight side of LLM.int8() (Dettmers et al. 2022): each row scaled by its absolute maximum to −127..127.</summary>
internal static class LlmInt8Quantizer
{
    public const float CodeMax = 127f;

    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, int inputs)
    {
        var codes = new byte[weights.Length];
        var absmax = new float[outputs];
        for (var row = 0; row < outputs; row++)
        {
            var values = weights.Slice(row * inputs, inputs);
            absmax[row] = Math.Abs(System.Numerics.Tensors.TensorPrimitives.MaxMagnitude(values));
            var scale = absmax[row] > 0 ? CodeMax / absmax[row] : 0;
            for (var i = 0; i < inputs; i++)
                codes[row * inputs + i] = (byte)(sbyte)MathF.Round(values[i] * scale);
        }
        return new QuantizedMatrix(Precision.LlmInt8, outputs, inputs, codes, absmax);
    }
}
