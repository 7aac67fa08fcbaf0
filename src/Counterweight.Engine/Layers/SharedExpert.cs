using System.Numerics.Tensors;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>The expert that every token goes through (Dai et al. 2024), behind a sigmoid gate where the family has one. No plan touches it.</summary>
internal sealed unsafe class SharedExpert : IDisposable
{
    private readonly GatedMlp _mlp;
    private readonly float[]? _gate;
    private readonly FloatBuffer _output; // [rows, hidden]
    private readonly RowWork _add;
    private float* _x, _y;

    /// <summary>Takes over the MLP.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="mlp">The expert.</param>
    /// <param name="scratch">Room for its output; may be shared by layers.</param>
    /// <param name="gate">Weights [hidden] of the logit whose sigmoid multiplies the output; null: the output as it is.</param>
    public SharedExpert(ComputeContext context, GatedMlp mlp, FloatBuffer scratch, float[]? gate = null)
    {
        (_mlp, _output, _gate) = (mlp, scratch, gate);
        _add = new RowWork(context.Pool, Add);
    }

    /// <summary>y += sigmoid(gate·x) · mlp(x), both [rows, hidden].</summary>
    public void AddTo(float* x, int rows, float* y)
    {
        _x = x;
        _y = y;
        _mlp.Forward(x, rows, _output.Reserve((long)rows * _mlp.Hidden));
        _add.Run(rows);
    }

    private void Add(int begin, int end)
    {
        var hidden = _mlp.Hidden;
        for (var row = begin; row < end; row++)
        {
            var output = new ReadOnlySpan<float>(_output.Pointer + (long)row * hidden, hidden);
            if (_gate is null)
                VectorMath.Add(_y + (long)row * hidden, output);
            else
                VectorMath.AddScaled(_y + (long)row * hidden, output, GateOf(row));
        }
    }

    private float GateOf(int row) =>
        1f / (1f + MathF.Exp(-TensorPrimitives.Dot(new ReadOnlySpan<float>(_x + (long)row * _mlp.Hidden, _mlp.Hidden), _gate)));

    public void Dispose() => _mlp.Dispose();
}
