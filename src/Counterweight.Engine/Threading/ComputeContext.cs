using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Threading;

/// <summary>What a model computes with: the kernels and the threads. One forward pass at a time.</summary>
/// <param name="Kernel">Matrix products.</param>
/// <param name="Pool">The workers.</param>
public sealed record ComputeContext(MatMulKernel Kernel, WorkerPool Pool);
