using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Dense gated feed-forward (Shazeer 2020): down(act(gate·x) ⊙ up·x).</summary>
public sealed unsafe class GatedMlp : IDisposable
{
    private readonly LinearGroup _gateAndUp;
    private readonly Linear _gate; // [intermediate, hidden]
    private readonly Linear _down; // [hidden, intermediate]
    private readonly FloatBuffer _scratch; // [2][rows, intermediate]
    private readonly Activation _activation;
    private readonly RowWork _activate;
    private float* _gateRows, _upRows;

    /// <summary>Takes over the three projections.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="gate">[intermediate, hidden].</param>
    /// <param name="up">[intermediate, hidden].</param>
    /// <param name="down">[hidden, intermediate].</param>
    /// <param name="scratch">Room for what lies between; shared by layers, of which one works at a time, and not freed here.</param>
    /// <param name="activation">act, gated; null for SwiGLU.</param>
    public GatedMlp(ComputeContext context, Linear gate, Linear up, Linear down, FloatBuffer scratch, Activation? activation = null)
    {
        (_gateAndUp, _gate, _down, _scratch) = (new LinearGroup(context, gate, up), gate, down, scratch);
        _activation = activation ?? Activation.SwiGlu;
        _activate = new RowWork(context.Pool, Activate);
    }

    /// <summary>Width of input and output.</summary>
    public int Hidden => _down.Outputs;

    /// <summary>y = MLP(x), both [rows, hidden].</summary>
    public void Forward(float* x, int rows, float* y)
    {
        var width = _gate.Outputs;
        _gateRows = _scratch.Reserve(2L * rows * width);
        _upRows = _gateRows + (long)rows * width;
        _gateAndUp.Forward(x, rows, [(nint)_gateRows, (nint)_upRows]);
        _activate.Run(rows);
        _down.Forward(_gateRows, rows, width, y, _down.Outputs);
    }

    private void Activate(int begin, int end)
    {
        var offset = (long)begin * _gate.Outputs;
        _activation.Apply(_gateRows + offset, _upRows + offset, (end - begin) * _gate.Outputs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gateAndUp.Dispose();
        _down.Dispose();
    }
}
