using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The stored matrices of one expert in one precision: down(act(gate·x) ⊙ up·x), or down(act(up·x)).</summary>
/// <param name="Gate">[intermediate, hidden]; null for experts of two matrices.</param>
/// <param name="Up">[intermediate, hidden].</param>
/// <param name="Down">[hidden, intermediate].</param>
public sealed record ExpertWeights(QuantizedMatrix? Gate, QuantizedMatrix Up, QuantizedMatrix Down)
{
    /// <summary>What is added to the three products; null for nothing.</summary>
    public ExpertBiases? Biases { get; init; }

    /// <summary>The precision of all matrices.</summary>
    public Precision Precision => Down.Precision;

    /// <summary>The matrices in the order of <see cref="ExpertPlaces.Matrices"/>.</summary>
    public IReadOnlyList<QuantizedMatrix> Matrices => Gate is null ? [Up, Down] : [Gate, Up, Down];
}

/// <summary>Biases of an expert's projections, kept as floats in every precision.</summary>
/// <param name="Gate">[intermediate].</param>
/// <param name="Up">[intermediate].</param>
/// <param name="Down">[hidden].</param>
public sealed record ExpertBiases(float[] Gate, float[] Up, float[] Down)
{
    /// <summary>Bytes held.</summary>
    public long Bytes => (Gate.Length + Up.Length + Down.Length) * sizeof(float);
}

/// <summary>One physical expert, packed for the kernels.</summary>
public sealed class PackedExpert : IDisposable
{
    /// <summary>Packs the weights; nothing of them is kept otherwise.</summary>
    public PackedExpert(ExpertWeights weights)
    {
        Gate = weights.Gate is { } gate ? PackedMatrix.Pack(gate) : null;
        Up = PackedMatrix.Pack(weights.Up);
        Down = PackedMatrix.Pack(weights.Down);
        Biases = weights.Biases;
    }

    /// <summary>[intermediate, hidden]; null for experts of two matrices.</summary>
    public PackedMatrix? Gate { get; }

    /// <summary>[intermediate, hidden].</summary>
    public PackedMatrix Up { get; }

    /// <summary>[hidden, intermediate].</summary>
    public PackedMatrix Down { get; }

    /// <summary>What is added to the three products; null for nothing.</summary>
    public ExpertBiases? Biases { get; }

    /// <summary>The precision of all matrices.</summary>
    public Precision Precision => Down.Precision;

    /// <summary>Bytes held.</summary>
    public long Bytes => (Gate?.Bytes ?? 0) + Up.Bytes + Down.Bytes + (Biases?.Bytes ?? 0);

    /// <summary>The weights again, code for code.</summary>
    public ExpertWeights Unpack() => new(Gate?.Unpack(), Up.Unpack(), Down.Unpack()) { Biases = Biases };

    /// <summary>output = down(act(gate·x + b, up·x + b)) + b, or down(act(up·x + b)) + b.</summary>
    /// <param name="kernel">Matrix products.</param>
    /// <param name="activation">act.</param>
    /// <param name="input">[rows, hidden].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="inner">Receives what the down projection is given, [rows, intermediate].</param>
    /// <param name="up">Scratch, [rows, intermediate].</param>
    /// <param name="output">[rows, hidden].</param>
    internal unsafe void Forward(MatMulKernel kernel, Activation activation, float* input, int rows, float* inner, float* up, float* output)
    {
        if (Gate is not null)
            Multiply(kernel, Gate, Biases?.Gate, input, rows, inner);
        Multiply(kernel, Up, Biases?.Up, input, rows, Gate is null ? inner : up);
        activation.Apply(inner, up, rows * Up.Outputs);
        Multiply(kernel, Down, Biases?.Down, inner, rows, output);
    }

    private static unsafe void Multiply(MatMulKernel kernel, PackedMatrix weights, float[]? bias, float* x, int rows, float* y)
    {
        kernel.Multiply(weights, 0, weights.Panels, x, rows, weights.Inputs, y, weights.Outputs);
        for (var r = 0; bias is not null && r < rows; r++)
            VectorMath.Add(y + (long)r * weights.Outputs, bias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Gate?.Dispose();
        Up.Dispose();
        Down.Dispose();
    }
}
