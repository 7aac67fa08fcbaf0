using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>y = W·x + b over rows, split into tiles of rows and panels.</summary>
public sealed unsafe class Linear(ComputeContext context, PackedMatrix weights, float[]? bias = null) : IParallelWork, IDisposable
{
    /// <summary>Rows of a tile: widening a panel is paid once for so many rows.</summary>
    private const int RowsPerTile = 128;

    /// <summary>Multiplications below which a second thread costs more than it brings (about 2 µs of one core).</summary>
    private const long SerialWork = 50_000;

    /// <summary>Multiplications beyond which a tile is cut further (tens of microseconds), so that no thread waits long for the last one.</summary>
    private const long LongTile = 4_000_000;

    [ThreadStatic]
    private static AlignedBuffer? _ownRow;

    private float* _x, _y;
    private byte** _quantized;
    private int _rows, _xStride, _yStride, _panelTiles, _panelsPerTile;

    /// <summary>Rows of W.</summary>
    public int Outputs => weights.Outputs;

    /// <summary>Columns of W.</summary>
    public int Inputs => weights.Inputs;

    /// <summary>The packed weights.</summary>
    public PackedMatrix Weights => weights;

    /// <summary>Whether activations are fp32 whatever the mode.</summary>
    public bool IsExact { get; init; }

    /// <summary>What the product takes activations as.</summary>
    public ActivationFormat Activations => IsExact ? ActivationFormat.Single : context.ActivationsFor(weights);

    /// <summary>y[r] = W·x[r] + b for all rows; strides in floats.</summary>
    public void Forward(float* x, int rows, int xStride, float* y, int yStride)
    {
        var quantized = context.Quantize(Activations, x, rows, xStride, Inputs);
        context.Pool.Run(this, Begin(x, quantized, rows, xStride, y, yStride));
    }

    /// <summary>Plans the product and returns the number of tiles, which the caller then runs.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="quantized">The same rows quantized, or null.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="xStride">Floats from one row of x to the next.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    internal int Begin(float* x, byte** quantized, int rows, int xStride, float* y, int yStride)
    {
        _x = x;
        _quantized = quantized;
        _y = y;
        (_rows, _xStride, _yStride) = (rows, xStride, yStride);
        var rowTiles = (rows + RowsPerTile - 1) / RowsPerTile;
        var work = (long)rows * Outputs * Inputs;
        var wanted = work < SerialWork ? 1 : (int)Math.Max(context.Pool.Workers * 2, work / LongTile);
        var panelTiles = Math.Clamp(wanted / Math.Max(rowTiles, 1), 1, (weights.Panels + 1) / 2);
        _panelsPerTile = (weights.Panels + panelTiles - 1) / panelTiles;
        _panelsPerTile += _panelsPerTile & 1; // kernels work on pairs of panels
        _panelTiles = (weights.Panels + _panelsPerTile - 1) / _panelsPerTile;
        return rowTiles * _panelTiles;
    }

    /// <summary>The same as <see cref="Forward"/> on the calling thread alone; rows lie one behind the other.</summary>
    public void ForwardOnThisThread(float* x, int rows, float* y)
    {
        if (Activations is var format && format != ActivationFormat.Single)
            for (var r = 0; r < rows; r++)
            {
                var row = (byte*)Scratch.Reserve(ref _ownRow, MatMulKernel.QuantizedRowBytes(format, Inputs) / sizeof(float));
                MatMulKernel.QuantizeRow(format, x + (long)r * Inputs, Inputs, row);
                context.Kernel.MultiplyQuantized(weights, 0, weights.Panels, &row, 1, y + (long)r * Outputs, Outputs);
            }
        else
            context.Kernel.Multiply(weights, 0, weights.Panels, x, rows, Inputs, y, Outputs);
        if (bias is not null)
            AddBias(y, rows, Outputs, 0, Outputs);
    }

    /// <summary>Computes a tile.</summary>
    public void Run(int item, int worker)
    {
        // Rows first: a worker that begins with the first items has made the first rows, too.
        var firstRow = item / _panelTiles * RowsPerTile;
        var firstPanel = item % _panelTiles * _panelsPerTile;
        var rows = Math.Min(RowsPerTile, _rows - firstRow);
        var panels = Math.Min(_panelsPerTile, weights.Panels - firstPanel);
        var y = _y + (long)firstRow * _yStride;
        if (_quantized is not null)
            context.Kernel.MultiplyQuantized(weights, firstPanel, panels, _quantized + firstRow, rows, y, _yStride);
        else
            context.Kernel.Multiply(weights, firstPanel, panels, _x + (long)firstRow * _xStride, rows, _xStride, y, _yStride);
        if (bias is not null)
            AddBias(y, rows, _yStride, firstPanel * MatMulKernel.PanelWidth, Math.Min((firstPanel + panels) * MatMulKernel.PanelWidth, Outputs));
    }

    private void AddBias(float* y, int rows, int stride, int begin, int end)
    {
        for (var r = 0; r < rows; r++)
            VectorMath.Add(y + (long)r * stride + begin, bias!.AsSpan(begin, end - begin));
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();
}
