using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Threading;

/// <summary>What a model computes with: the kernels and the threads. One forward pass at a time.</summary>
/// <param name="Kernel">Matrix products.</param>
/// <param name="Pool">The workers.</param>
/// <param name="Mode">What activations are when they meet integer weights.</param>
public sealed record ComputeContext(MatMulKernel Kernel, WorkerPool Pool, ComputeMode Mode = ComputeMode.Exact)
{
    /// <summary>Where the input of the matrix product that is at work is quantized.</summary>
    internal ActivationBuffer Activations { get; } = new(Pool);

    /// <summary>What the experts of the layer that is at work are given and return.</summary>
    internal ExpertBuffers ExpertBuffers { get; } = new(Pool);

    /// <summary>Whether products with these weights take quantized activations.</summary>
    public bool Quantizes(PackedMatrix weights) => Mode == ComputeMode.Fast && MatMulKernel.MultipliesQuantized(weights);
}
