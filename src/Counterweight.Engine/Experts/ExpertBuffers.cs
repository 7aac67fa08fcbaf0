using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Experts;

/// <summary>
/// What the tokens of a layer are worked on in, sorted by slot. All layers share it: it is as large as a batch with its top-k, and what one layer has just
/// written is still in the cache when the next one writes over it.
/// </summary>
internal sealed class ExpertBuffers(WorkerPool pool)
{
    /// <summary>[choices, hidden].</summary>
    public FloatBuffer Inputs { get; } = new();

    /// <summary>[choices, intermediate]: what down projections are given.</summary>
    public FloatBuffer Between { get; } = new();

    /// <summary>[choices, hidden].</summary>
    public FloatBuffer Outputs { get; } = new();

    /// <summary>[workers][2][rows of a tile, intermediate].</summary>
    public FloatBuffer Scratch { get; } = new();

    /// <summary>[choices], <see cref="Inputs"/> where experts take quantized activations, each in the format that its expert takes; there is room for the widest.</summary>
    public ActivationBuffer QuantizedInputs { get; } = new(ActivationFormat.BFloat16, pool);

    /// <summary>[choices], <see cref="Between"/> likewise.</summary>
    public ActivationBuffer QuantizedBetween { get; } = new(ActivationFormat.BFloat16, pool);
}
