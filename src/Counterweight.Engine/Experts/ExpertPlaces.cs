using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Models;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>Where the weights of one expert lie in a checkpoint.</summary>
/// <param name="Gate">[intermediate, hidden].</param>
/// <param name="Up">[intermediate, hidden].</param>
/// <param name="Down">[hidden, intermediate].</param>
/// <param name="Biases">Those of the three projections; null for none. They stay where they are whatever the precision.</param>
public sealed record ExpertPlaces(WeightPlace Gate, WeightPlace Up, WeightPlace Down, (WeightPlace Gate, WeightPlace Up, WeightPlace Down)? Biases = null)
{
    /// <summary>The three matrices: gate, up, down.</summary>
    public IReadOnlyList<WeightPlace> Matrices => [Gate, Up, Down];

    /// <summary>The biases as floats.</summary>
    internal ExpertBiases? ReadBiases(Checkpoint checkpoint) =>
        Biases is var (gate, up, down) ? new ExpertBiases(gate.ReadFloats(checkpoint), up.ReadFloats(checkpoint), down.ReadFloats(checkpoint)) : null;
}

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

    /// <summary>The matrix in the tensor's precision.</summary>
    internal unsafe QuantizedMatrix Read(Checkpoint checkpoint)
    {
        var tensor = checkpoint.Get(Tensor, Shape);
        var precision = tensor.StoredPrecision();
        var size = (int)(tensor.ByteCount / Math.Max(tensor.ElementCount, 1));
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
}
