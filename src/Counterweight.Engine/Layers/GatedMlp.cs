using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Dense SwiGLU feed-forward (Shazeer 2020): down(silu(gate·x) ⊙ up·x).</summary>
public sealed unsafe class GatedMlp : IDisposable
{
    private readonly Linear _gate; // [intermediate, hidden]
    private readonly Linear _up;   // [intermediate, hidden]
    private readonly Linear _down; // [hidden, intermediate]
    private readonly FloatBuffer _hidden = new(); // [2][rows, intermediate]
    private readonly RowWork _activate;
    private float* _gateRows, _upRows;

    /// <summary>Takes over the three projections.</summary>
    public GatedMlp(ComputeContext context, Linear gate, Linear up, Linear down)
    {
        (_gate, _up, _down) = (gate, up, down);
        _activate = new RowWork(context.Pool, Activate);
    }

    /// <summary>y = MLP(x), both [rows, hidden].</summary>
    public void Forward(float* x, int rows, float* y)
    {
        var width = _gate.Outputs;
        _gateRows = _hidden.Reserve(2L * rows * width);
        _upRows = _gateRows + (long)rows * width;
        _gate.Forward(x, rows, _gate.Inputs, _gateRows, width);
        _up.Forward(x, rows, _up.Inputs, _upRows, width);
        _activate.Run(rows);
        _down.Forward(_gateRows, rows, width, y, _down.Outputs);
    }

    private void Activate(int begin, int end)
    {
        var offset = (long)begin * _gate.Outputs;
        VectorMath.SiluMultiply(_gateRows + offset, _upRows + offset, (end - begin) * _gate.Outputs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gate.Dispose();
        _up.Dispose();
        _down.Dispose();
        _hidden.Dispose();
    }
}
