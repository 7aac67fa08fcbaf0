using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Projections of the same rows, computed in one go: the threads meet once, and the rows are quantized once.</summary>
internal sealed unsafe class LinearGroup(ComputeContext context, params Linear[] projections) : IParallelWork, IDisposable
{
    private readonly int[] _ends = new int[projections.Length];

    /// <summary>y_p[r] = W_p·x[r] + b_p for each projection p; rows lie one behind the other.</summary>
    public void Forward(float* x, int rows, ReadOnlySpan<nint> results)
    {
        var inputs = projections[0].Inputs;
        var quantized = stackalloc byte**[1 + (int)ActivationFormat.Int8]; // by format
        var items = 0;
        for (var p = 0; p < projections.Length; p++)
        {
            var format = projections[p].Activations;
            if (quantized[(int)format] is null)
                quantized[(int)format] = context.Quantize(format, x, rows, inputs, inputs);
            _ends[p] = items += projections[p].Begin(x, quantized[(int)format], rows, inputs, (float*)results[p], projections[p].Outputs);
        }
        context.Pool.Run(this, items);
    }

    void IParallelWork.Run(int item, int worker)
    {
        var p = 0;
        while (item >= _ends[p])
            p++;
        projections[p].Run(item - (p == 0 ? 0 : _ends[p - 1]), worker);
    }

    public void Dispose()
    {
        foreach (var projection in projections)
            projection.Dispose();
    }
}
