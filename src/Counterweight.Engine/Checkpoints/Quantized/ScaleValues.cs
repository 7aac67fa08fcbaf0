using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>Reads scales that are wanted as fp32.</summary>
internal static class ScaleValues
{
    /// <summary>All elements: floats widened, e8m0 as the powers of two that they are.</summary>
    /// <exception cref="InvalidInputException">The tensor has another type.</exception>
    public static float[] Read(TensorView tensor)
    {
        if (tensor.DType != DType.F8E8M0)
            return tensor.ToFloats();
        var exponents = tensor.Bytes;
        var scales = new float[exponents.Length];
        for (var i = 0; i < scales.Length; i++)
            scales[i] = exponents[i] == byte.MaxValue ? float.NaN : MathF.ScaleB(1, exponents[i] - 127);
        return scales;
    }
}
