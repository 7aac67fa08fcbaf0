using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Models;

/// <summary>Reads tensors as weight matrices.</summary>
internal static class TensorMatrices
{
    /// <summary>The tensor [outputs, inputs] in its stored precision.</summary>
    public static QuantizedMatrix ToMatrix(this TensorView tensor) =>
        new(tensor.StoredPrecision(), (int)tensor.Shape[0], (int)tensor.Shape[1], tensor.Bytes.ToArray(), []);

    /// <summary>The precision of a floating-point tensor.</summary>
    /// <exception cref="InvalidInputException">It has another element type.</exception>
    public static Precision StoredPrecision(this TensorView tensor) => tensor.DType switch
    {
        DType.F32 => Precision.Fp32,
        DType.F16 => Precision.Fp16,
        DType.BF16 => Precision.Bf16,
        _ => throw new InvalidInputException($"{tensor.File}: {tensor.Name}", $"dtype {tensor.DType.Name()}", "F32, F16 or BF16"),
    };
}
