using System.Numerics.Tensors;
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
            absmax[row] = Math.Abs(TensorPrimitives.MaxMagnitude(values));
            var scale = CodeScale(absmax[row]);
            for (var i = 0; i < inputs; i++)
                codes[row * inputs + i] = (byte)(sbyte)MathF.Round(values[i] * scale);
        }
        return new QuantizedMatrix(Precision.LlmInt8, outputs, inputs, codes, absmax);
    }

    /// <summary>What values are multiplied with to give codes; 0, which makes all codes 0, where they are too small for a finite one.</summary>
    public static float CodeScale(float absmax)
    {
        var scale = CodeMax / absmax;
        return float.IsFinite(scale) ? scale : 0;
    }
}
