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
        byte** quantized = null;
        var items = 0;
        for (var p = 0; p < projections.Length; p++)
        {
            var takesQuantized = context.Quantizes(projections[p].Weights);
            if (takesQuantized && quantized is null)
                quantized = context.Activations.Quantize(x, rows, inputs, inputs);
            _ends[p] = items += projections[p].Begin(x, takesQuantized ? quantized : null, rows, inputs, (float*)results[p], projections[p].Outputs);
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
