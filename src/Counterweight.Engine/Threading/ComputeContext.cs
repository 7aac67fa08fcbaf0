using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Threading;

/// <summary>What a model computes with: the kernels and the threads. One forward pass at a time.</summary>
/// <param name="Kernel">Matrix products.</param>
/// <param name="Pool">The workers.</param>
/// <param name="Mode">What activations are when they meet weights of few bits.</param>
public sealed record ComputeContext(MatMulKernel Kernel, WorkerPool Pool, ComputeMode Mode = ComputeMode.Exact)
{
    private ActivationBuffer Integers { get; } = new(ActivationFormat.Int8, Pool);

    private ActivationBuffer Rounded { get; } = new(ActivationFormat.BFloat16, Pool);

    /// <summary>What the experts of the layer that is at work are given and return.</summary>
    internal ExpertBuffers ExpertBuffers { get; } = new(Pool);

    /// <summary>What products with these weights take activations as.</summary>
    public ActivationFormat ActivationsFor(PackedMatrix weights) => Kernel.ActivationsFor(weights) switch
    {
        ActivationFormat.Int8 when Mode >= ComputeMode.Fast => ActivationFormat.Int8,
        ActivationFormat.BFloat16 when Mode >= ComputeMode.Fastest => ActivationFormat.BFloat16,
        _ => ActivationFormat.Single,
    };

    /// <summary>Where the input of the matrix product that is at work is quantized.</summary>
    internal ActivationBuffer Activations(ActivationFormat format) => format == ActivationFormat.Int8 ? Integers : Rounded;

    /// <summary>Rows x [rows, inputs] in a format, <paramref name="stride"/> floats apart, valid until the next call; null for fp32, which they are already.</summary>
    internal unsafe byte** Quantize(ActivationFormat format, float* x, int rows, int stride, int inputs) =>
        format == ActivationFormat.Single ? null : Activations(format).Quantize(x, rows, stride, inputs);
}
