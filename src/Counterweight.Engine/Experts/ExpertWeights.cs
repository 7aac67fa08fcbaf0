using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Experts;

/// <summary>The stored matrices of one gated expert in one precision: down(act(gate·x) ⊙ up·x).</summary>
/// <param name="Gate">[intermediate, hidden].</param>
/// <param name="Up">[intermediate, hidden].</param>
/// <param name="Down">[hidden, intermediate].</param>
public sealed record ExpertWeights(QuantizedMatrix Gate, QuantizedMatrix Up, QuantizedMatrix Down)
{
    /// <summary>The precision of all three.</summary>
    public Precision Precision => Gate.Precision;
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
    }

    /// <summary>[intermediate, hidden].</summary>
    public PackedMatrix Gate { get; }

    /// <summary>[intermediate, hidden].</summary>
    public PackedMatrix Up { get; }

    /// <summary>[hidden, intermediate].</summary>
    public PackedMatrix Down { get; }

    /// <summary>The precision of all three.</summary>
    public Precision Precision => Gate.Precision;

    /// <summary>Bytes held.</summary>
    public long Bytes => Gate.Bytes + Up.Bytes + Down.Bytes;

    /// <summary>The weights again, code for code.</summary>
    public ExpertWeights Unpack() => new(Gate.Unpack(), Up.Unpack(), Down.Unpack());

    /// <summary>Bytes that an expert of that shape takes when packed.</summary>
    public static long BytesFor(Precision precision, int hidden, int intermediate) =>
        2 * PackedMatrix.BytesFor(precision, intermediate, hidden) + PackedMatrix.BytesFor(precision, hidden, intermediate);

    /// <inheritdoc/>
    public void Dispose()
    {
        Gate.Dispose();
        Up.Dispose();
        Down.Dispose();
    }
}
