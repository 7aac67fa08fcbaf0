using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The stored matrices of one gated expert in one precision: down(act(gate·x) ⊙ up·x).</summary>
/// <param name="Gate">[intermediate, hidden].</param>
/// <param name="Up">[intermediate, hidden].</param>
/// <param name="Down">[hidden, intermediate].</param>
public sealed record ExpertWeights(QuantizedMatrix Gate, QuantizedMatrix Up, QuantizedMatrix Down)
{
    /// <summary>What is added to the three products; null for nothing.</summary>
    public ExpertBiases? Biases { get; init; }

    /// <summary>The precision of all three.</summary>
    public Precision Precision => Gate.Precision;
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
        Gate = PackedMatrix.Pack(weights.Gate);
        Up = PackedMatrix.Pack(weights.Up);
        Down = PackedMatrix.Pack(weights.Down);
        Biases = weights.Biases;
    }

    /// <summary>[intermediate, hidden].</summary>
    public PackedMatrix Gate { get; }

    /// <summary>[intermediate, hidden].</summary>
    public PackedMatrix Up { get; }

    /// <summary>[hidden, intermediate].</summary>
    public PackedMatrix Down { get; }

    /// <summary>What is added to the three products; null for nothing.</summary>
    public ExpertBiases? Biases { get; }

    /// <summary>The precision of all three.</summary>
    public Precision Precision => Gate.Precision;

    /// <summary>Bytes held.</summary>
    public long Bytes => Gate.Bytes + Up.Bytes + Down.Bytes + (Biases?.Bytes ?? 0);

    /// <summary>The weights again, code for code.</summary>
    public ExpertWeights Unpack() => new(Gate.Unpack(), Up.Unpack(), Down.Unpack()) { Biases = Biases };

    /// <summary>output = down(act(gate·x + b, up·x + b)) + b.</summary>
    /// <param name="kernel">Matrix products.</param>
    /// <param name="activation">act.</param>
    /// <param name="input">[rows, hidden].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="gate">Receives what the down projection is given, [rows, intermediate].</param>
    /// <param name="up">Scratch, [rows, intermediate].</param>
    /// <param name="output">[rows, hidden].</param>
    internal unsafe void Forward(MatMulKernel kernel, GatedActivation activation, float* input, int rows, float* gate, float* up, float* output)
    {
        Multiply(kernel, Gate, Biases?.Gate, input, rows, gate);
        Multiply(kernel, Up, Biases?.Up, input, rows, up);
        activation.Apply(gate, up, rows * Gate.Outputs);
        Multiply(kernel, Down, Biases?.Down, gate, rows, output);
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
        Gate.Dispose();
        Up.Dispose();
        Down.Dispose();
    }
}
