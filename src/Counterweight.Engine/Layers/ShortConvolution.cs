using System.Numerics.Tensors;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// LFM2's gated short convolution (Amini et al. 2025): [B, C, u] = W_in·x; y = W_out·(C ⊙ conv(B ⊙ u)), the convolution causal and by channel. What it has been
/// given stays in the cache for every position, so that texts can be continued from anywhere.
/// </summary>
internal sealed unsafe class ShortConvolution : SequenceMixer
{
    private readonly int _layer, _hidden, _taps;
    private readonly Linear _input;     // [3 · hidden, hidden]
    private readonly float[] _kernel;   // [taps, hidden], the last tap is the token's own
    private readonly float[]? _bias;    // [hidden]
    private readonly Linear _output;    // [hidden, hidden]
    private readonly FloatBuffer _rows; // [rows, 3 · hidden]
    private readonly RowWork _gate, _convolve;
    private ForwardPass _pass = null!;

    /// <summary>Takes over the weights.</summary>
    /// <param name="context">Kernels and threads.</param>
    /// <param name="layer">The layer's place among those that keep a history.</param>
    /// <param name="input">[3 · hidden, hidden].</param>
    /// <param name="kernel">[hidden, taps].</param>
    /// <param name="bias">[hidden], or null.</param>
    /// <param name="output">[hidden, hidden].</param>
    /// <param name="scratch">Room that layers may share.</param>
    public ShortConvolution(ComputeContext context, int layer, Linear input, float[] kernel, float[]? bias, Linear output, FloatBuffer scratch)
    {
        (_layer, _input, _bias, _output, _rows) = (layer, input, bias, output, scratch);
        _hidden = output.Outputs;
        _taps = kernel.Length / _hidden;
        _kernel = new float[kernel.Length];
        for (var c = 0; c < _hidden; c++)
            for (var tap = 0; tap < _taps; tap++)
                _kernel[tap * _hidden + c] = kernel[c * _taps + tap];
        _gate = new RowWork(context.Pool, Gate);
        _convolve = new RowWork(context.Pool, Convolve);
    }

    public override void Forward(ForwardPass pass, float* x)
    {
        _pass = pass;
        _rows.Reserve(3L * pass.Rows * _hidden);
        _input.Forward(x, pass.Rows, _hidden, _rows.Pointer, 3 * _hidden);
        _gate.Run(pass.Rows);
        _convolve.Run(pass.Rows);
        _output.Forward(_rows.Pointer, pass.Rows, 3 * _hidden, pass.Output, _hidden);
    }

    /// <summary>history = B ⊙ u.</summary>
    private void Gate(int begin, int end)
    {
        for (var row = begin; row < end; row++)
            TensorPrimitives.Multiply(Part(row, 0), Part(row, 2), History(row, _pass.Batch.Positions[row]));
    }

    /// <summary>The first part of each row becomes C ⊙ conv(history).</summary>
    private void Convolve(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            var sum = Part(row, 0);
            if (_bias is null)
                sum.Clear();
            else
                _bias.CopyTo(sum);
            var position = _pass.Batch.Positions[row];
            for (var tap = Math.Max(0, _taps - 1 - position); tap < _taps; tap++)
                TensorPrimitives.MultiplyAdd(History(row, position - (_taps - 1) + tap), _kernel.AsSpan(tap * _hidden, _hidden), sum, sum);
            TensorPrimitives.Multiply(sum, Part(row, 1), sum);
        }
    }

    private Span<float> Part(int row, int part) => new(_rows.Pointer + (3L * row + part) * _hidden, _hidden);

    private Span<float> History(int row, int position) => _pass.CacheOf(row).History(_layer, position);

    public override void Dispose()
    {
        _input.Dispose();
        _output.Dispose();
    }
}
