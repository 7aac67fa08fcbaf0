using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Experts;

/// <summary>A matrix within a tensor: element (output, input) is at First + output · OutputStride + input · InputStride.</summary>
/// <param name="Tensor">The tensor's name.</param>
/// <param name="Shape">The whole tensor's shape.</param>
/// <param name="Outputs">Rows of the matrix.</param>
/// <param name="Inputs">Columns of the matrix.</param>
/// <param name="First">Element (0, 0), counted in elements of the tensor.</param>
/// <param name="OutputStride">Elements from one row to the next.</param>
/// <param name="InputStride">Elements from one column to the next.</param>
public sealed record WeightPlace(string Tensor, int[] Shape, int Outputs, int Inputs, long First, long OutputStride, long InputStride)
{
    /// <summary>A tensor [outputs, inputs] that is the matrix.</summary>
    public static WeightPlace Whole(string tensor, int outputs, int inputs) => new(tensor, [outputs, inputs], outputs, inputs, 0, inputs, 1);

    /// <summary>Some rows of a tensor [allOutputs, inputs].</summary>
    public static WeightPlace Rows(string tensor, int allOutputs, int firstRow, int outputs, int inputs) =>
        new(tensor, [allOutputs, inputs], outputs, inputs, (long)firstRow * inputs, inputs, 1);

    /// <summary>The checkpoint's own format of the matrix, or null for a floating-point type.</summary>
    internal StoredFormat? FormatIn(Checkpoint checkpoint) => checkpoint.Stored?.FormatOf(this);

    /// <summary>The precision that the checkpoint has the matrix in; its shape is not looked at.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it has no floating-point type.</exception>
    internal Precision PrecisionIn(Checkpoint checkpoint) =>
        FormatIn(checkpoint) is null ? FloatPrecision(checkpoint.Get(Tensor)) : Precision.Stored;

    /// <summary>The matrix in the precision or format that the checkpoint has it in; its codes stay in the mapped file where they lie in one piece.</summary>
    internal QuantizedMatrix Read(Checkpoint checkpoint)
    {
        if (FormatIn(checkpoint) is { } format)
            return QuantizedMatrix.Stored(format, Outputs, Inputs, checkpoint.Stored!.Read(this, format));
        var tensor = checkpoint.Get(Tensor, Shape);
        var precision = FloatPrecision(tensor);
        var size = tensor.DType.Bits() / 8;
        var codes = InputStride == 1 && (OutputStride == Inputs || Outputs == 1)
            ? tensor.Memory(First * size, checked(Outputs * Inputs * size))
            : Gather(tensor, size);
        return new QuantizedMatrix(precision, Outputs, Inputs, codes, []);
    }

    /// <summary>The matrix widened, [outputs, inputs].</summary>
    internal float[] ReadFloats(Checkpoint checkpoint) => Quantizer.Dequantize(Read(checkpoint));

    /// <summary>Puts a matrix [outputs, inputs] in its place in the values of the tensor.</summary>
    internal void Scatter(ReadOnlySpan<float> matrix, Span<float> tensor)
    {
        for (var o = 0; o < Outputs; o++)
            for (var i = 0; i < Inputs; i++)
                tensor[(int)(First + o * OutputStride + i * InputStride)] = matrix[o * Inputs + i];
    }

    private unsafe byte[] Gather(TensorView tensor, int size)
    {
        var codes = new byte[checked(Outputs * Inputs * size)];
        for (var o = 0; o < Outputs; o++)
        {
            var row = codes.AsSpan(o * Inputs * size, Inputs * size);
            var source = tensor.Pointer + (First + o * OutputStride) * size;
            if (InputStride == 1)
                new ReadOnlySpan<byte>(source, row.Length).CopyTo(row);
            else
                for (var i = 0; i < Inputs; i++)
                    new ReadOnlySpan<byte>(source + i * InputStride * size, size).CopyTo(row[(i * size)..]);
        }
        return codes;
    }

    private static Precision FloatPrecision(TensorView tensor) => tensor.DType switch
    {
        DType.F32 => Precision.Fp32,
        DType.F16 => Precision.Fp16,
        DType.BF16 => Precision.Bf16,
        _ => throw new InvalidInputException($"{tensor.File}: {tensor.Name}", $"dtype {tensor.DType.Name()}", "F32, F16 or BF16"),
    };
}
