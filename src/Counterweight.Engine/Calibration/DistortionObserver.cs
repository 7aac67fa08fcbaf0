using Counterweight.Balancing.Plans;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Models;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Calibration;

/// <summary>Measures how far an expert's output moves at a lower precision: Σ gate²·‖E_p(x) − E(x)‖² over its tokens.</summary>
internal sealed unsafe class DistortionObserver : IExpertObserver, IDisposable
{
    private readonly MatMulKernel _kernel;
    private readonly ExpertFunction _function;
    private readonly int _experts;
    private readonly IReadOnlyList<Precision> _precisions;
    private readonly PackedExpert?[][] _packed; // [precisions][layers · experts]

    /// <summary>Packs all experts in all precisions.</summary>
    public DistortionObserver(MoeModel model, IReadOnlyList<Precision> precisions, IExpertSource source, CancellationToken cancellation)
    {
        (_kernel, _function, _experts, _precisions) = (model.Context.Kernel, model.ExpertFunction, model.Shape.Experts, precisions);
        var layers = model.Shape.MoeLayers.Count;
        _packed = [.. precisions.Select(_ => new PackedExpert?[layers * _experts])];
        Distortion = precisions.ToDictionary(p => p, _ => Enumerable.Range(0, layers).Select(_ => new double[_experts]).ToArray());
        try
        {
            model.Context.Pool.Run(new ItemWork((item, _) =>
            {
                cancellation.ThrowIfCancellationRequested();
                for (var p = 0; p < precisions.Count; p++)
                    _packed[p][item] = new PackedExpert(source.Get(item / _experts, item % _experts, precisions[p]));
            }), layers * _experts);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[layers][experts] by precision.</summary>
    public IReadOnlyDictionary<Precision, double[][]> Distortion { get; }

    public void Observe(int layer, int expert, in ExpertRows rows)
    {
        var hidden = _packed[0][layer * _experts + expert]!.Down.Outputs;
        var intermediate = _packed[0][layer * _experts + expert]!.Down.Inputs;
        using var scratch = AlignedBuffer.OfFloats((long)rows.Count * (hidden + 2 * intermediate));
        var gate = scratch.Floats;
        var up = gate + (long)rows.Count * intermediate;
        var output = up + (long)rows.Count * intermediate;
        for (var p = 0; p < _precisions.Count; p++)
        {
            var packed = _packed[p][layer * _experts + expert]!;
            packed.Forward(_kernel, _function.Activation, rows.InputRows, rows.Count, gate, up, output);
            Distortion[_precisions[p]][layer][expert] += SquaredDifference(rows, output, hidden);
        }
    }

    private static double SquaredDifference(in ExpertRows rows, float* output, int hidden)
    {
        var sum = 0.0;
        for (var r = 0; r < rows.Count; r++)
        {
            var distance = System.Numerics.Tensors.TensorPrimitives.Distance(
                new ReadOnlySpan<float>(output + (long)r * hidden, hidden), new ReadOnlySpan<float>(rows.OutputRows + (long)r * hidden, hidden));
            sum += (double)rows.GateSpan[r] * rows.GateSpan[r] * distance * distance;
        }
        return sum;
    }

    public void Dispose()
    {
        foreach (var expert in _packed.SelectMany(experts => experts))
            expert?.Dispose();
    }
}
