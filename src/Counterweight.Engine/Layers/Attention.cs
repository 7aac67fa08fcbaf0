using System.Numerics;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Causal grouped-query attention over cached keys and values, in blocks of queries. A row's result does not depend on the block or
/// batch that it comes in: keys beyond a query are exact zeros in the weighted sum.
/// </summary>
public sealed unsafe class Attention(ComputeContext context, int heads, int kvHeads, int headDim, float scale) : IParallelWork, IDisposable
{
    private const int QueriesPerBlock = 32;
    private const int Width = MatMulKernel.PanelWidth;

    private readonly FloatBuffer _scores = new(); // [workers][QueriesPerBlock, keys + output]
    private readonly List<(int Sequence, int FirstQuery)> _blocks = [];
    private Batch _batch = new();
    private float* _queries, _output;
    private int _layer, _scoreStride, _outputStride;

    /// <summary>Output and query floats of a token: heads · headDim.</summary>
    public int RowWidth => heads * headDim;

    /// <summary>Plans the blocks for a batch; once per forward pass, before the layers.</summary>
    public void Begin(Batch batch)
    {
        _batch = batch;
        _blocks.Clear();
        var keys = 0;
        for (var s = 0; s < batch.Sequences; s++)
        {
            var (cache, _, rows) = batch[s];
            keys = Math.Max(keys, cache.Length + rows);
            for (var first = 0; first < rows; first += QueriesPerBlock)
                _blocks.Add((s, first));
        }
        _scoreStride = (keys + Width - 1) / Width * Width;
        _outputStride = (headDim + Width - 1) / Width * Width;
        // Room for up to twice the keys, or decoding would need a new buffer every 16 tokens.
        _scores.Reserve((long)context.Pool.Workers * QueriesPerBlock * (BitOperations.RoundUpToPowerOf2((uint)_scoreStride) + _outputStride));
    }

    /// <summary>output[row] = softmax(q·K/…)·V for all rows; keys and values of the batch are in the caches already.</summary>
    /// <param name="layer">Which layer's cache.</param>
    /// <param name="queries">[rows, heads, headDim].</param>
    /// <param name="output">[rows, heads, headDim].</param>
    public void Forward(int layer, float* queries, float* output)
    {
        _layer = layer;
        _queries = queries;
        _output = output;
        context.Pool.Run(this, _blocks.Count * heads);
    }

    void IParallelWork.Run(int item, int worker)
    {
        var (sequence, first) = _blocks[item / heads];
        var head = item % heads;
        var kvHead = head / (heads / kvHeads);
        var (cache, firstRow, rows) = _batch[sequence];
        var count = Math.Min(QueriesPerBlock, rows - first);
        var keys = cache.Length + first + count;
        var scores = _scores.Pointer + (long)worker * QueriesPerBlock * (_scoreStride + _outputStride);
        var weighted = scores + QueriesPerBlock * _scoreStride;
        var offset = (long)(firstRow + first) * RowWidth + head * headDim;

        context.Kernel.MultiplyPanels(
            cache.Keys(_layer, kvHead), (keys + Width - 1) / Width, cache.KeyPanelStride, headDim, _queries + offset, count, RowWidth, scores, _scoreStride);
        for (var q = 0; q < count; q++)
        {
            var visible = cache.Length + first + q + 1;
            var row = new Span<float>(scores + q * _scoreStride, keys);
            VectorMath.Softmax(row[..visible], scale);
            row[visible..].Clear();
        }
        context.Kernel.MultiplyPanels(
            cache.Values(_layer, kvHead), cache.ValuePanels, cache.ValuePanelStride, keys, scores, count, _scoreStride, weighted, _outputStride);
        for (var q = 0; q < count; q++)
            new ReadOnlySpan<float>(weighted + q * _outputStride, headDim).CopyTo(new Span<float>(_output + offset + (long)q * RowWidth, headDim));
    }

    /// <inheritdoc/>
    public void Dispose() => _scores.Dispose();
}
