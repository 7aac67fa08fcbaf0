using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>Rows of activations in a format other than fp32, with a pointer to each. It only grows.</summary>
internal sealed unsafe class ActivationBuffer(ActivationFormat format, WorkerPool pool) : IDisposable
{
    private AlignedBuffer? _rows;     // [rows][QuantizedRowBytes]
    private AlignedBuffer? _pointers; // [rows]
    private RowWork? _work;
    private float* _x;
    private int _stride, _inputs;

    /// <summary>The quantized rows.</summary>
    public byte** Rows => (byte**)_pointers!.Pointer;

    /// <summary>Makes room and points at it.</summary>
    public byte** Reserve(int rows, int inputs)
    {
        var rowBytes = MatMulKernel.QuantizedRowBytes(format, inputs);
        if (_rows is null || _pointers is null || _rows.Bytes < (long)rows * rowBytes || _pointers.Bytes < rows * sizeof(long))
        {
            _rows?.Dispose();
            _pointers?.Dispose();
            (_rows, _pointers) = (new AlignedBuffer((long)rows * rowBytes), new AlignedBuffer(rows * sizeof(long)));
        }
        for (var r = 0; r < rows; r++)
            Rows[r] = (byte*)_rows.Pointer + (long)r * rowBytes;
        return Rows;
    }

    /// <summary>Quantizes rows x [rows, inputs] with <paramref name="stride"/> floats from row to row; valid until the next call.</summary>
    public byte** Quantize(float* x, int rows, int stride, int inputs)
    {
        Reserve(rows, inputs);
        _x = x;
        (_stride, _inputs) = (stride, inputs);
        (_work ??= new RowWork(pool, QuantizeRows)).Run(rows);
        return Rows;
    }

    private void QuantizeRows(int begin, int end)
    {
        for (var r = begin; r < end; r++)
            MatMulKernel.QuantizeRow(format, _x + (long)r * _stride, _inputs, Rows[r]);
    }

    public void Dispose()
    {
        _rows?.Dispose();
        _pointers?.Dispose();
    }
}
