using System.Numerics;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Grouped-query attention over cached keys and values, causal unless the reach says otherwise, in blocks: some queries of one head, or, where a sequence brings a
/// single token, all heads that share its keys, which are so read once. A row's result does not depend on the block or batch that it comes in: keys beyond
/// a query are exact zeros in the weighted sum, and the sums of pages are added in their order.
/// </summary>
public sealed unsafe class Attention(ComputeContext context, int heads, int kvHeads, int headDim, float scale, int? valueDim = null) : IParallelWork, IDisposable
{
    private const int RowsPerBlock = 36; // three tiles of the widest kernel
    private const int Width = MatMulKernel.PanelWidth;

    /// <summary>Keys begin at a multiple of this many, which 16-bit products take at once.</summary>
    private const int KeyGroup = 32;

    private readonly int _valueDim = valueDim ?? headDim;
    private readonly FloatBuffer _scores = new(); // [workers][RowsPerBlock, keys + output + output]
    private readonly ActivationBuffer _roundedQueries = new(ActivationFormat.BFloat16, context.Pool); // [workers][RowsPerBlock, headDim]
    private readonly ActivationBuffer _roundedWeights = new(ActivationFormat.BFloat16, context.Pool); // [workers][RowsPerBlock, keys]
    private readonly bool _multipliesRounded = context.Kernel.ActivationsFor(Precision.Bf16) == ActivationFormat.BFloat16;
    private readonly List<Block> _blocks = [];
    private Batch _batch = new();
    private float* _queries, _output;
    private AttentionReach _reach;
    private float[]? _sinks;
    private RelativeBias? _bias;
    private int _layer, _scoreStride, _outputStride;

    /// <summary>Query floats of a token: heads · headDim.</summary>
    public int RowWidth => heads * headDim;

    /// <summary>Output floats of a token: heads · valueDim.</summary>
    public int OutputWidth => heads * _valueDim;

    /// <summary>Plans the blocks for a batch; once per forward pass, before the layers.</summary>
    public void Begin(Batch batch)
    {
        _batch = batch;
        _blocks.Clear();
        var keys = 0;
        for (var s = 0; s < batch.Sequences; s++)
        {
            var (cache, _, rows) = batch[s];
            keys = Math.Max(keys, Math.Max(cache.Length + rows, cache.Source?.Length ?? 0));
            if (rows == 1)
                AddSharedHeads(s);
            else
                AddQueries(s, rows);
        }
        _scoreStride = (keys + Width - 1) / Width * Width;
        _outputStride = (_valueDim + Width - 1) / Width * Width;
        // Room for up to twice the keys, or decoding would need a new buffer every 16 tokens.
        var room = (int)BitOperations.RoundUpToPowerOf2((uint)_scoreStride);
        var blockRows = context.Pool.Workers * RowsPerBlock;
        _scores.Reserve((long)blockRows * (room + 2 * _outputStride));
        if (_multipliesRounded)
        {
            _roundedQueries.Reserve(blockRows, headDim);
            _roundedWeights.Reserve(blockRows, room);
        }
    }

    /// <summary>For each worker the rows that it has made; late queries see the most keys and are begun first, so that threads end together.</summary>
    private void AddQueries(int sequence, int rows)
    {
        var blocks = (rows + RowsPerBlock - 1) / RowsPerBlock;
        var workers = context.Pool.Workers;
        for (var worker = 0; worker < workers; worker++)
            for (var block = blocks * (worker + 1) / workers - 1; block >= blocks * worker / workers; block--)
                for (var head = 0; head < heads; head++)
                    _blocks.Add(new Block(sequence, block * RowsPerBlock, Math.Min(RowsPerBlock, rows - block * RowsPerBlock), head, 1));
    }

    private void AddSharedHeads(int sequence)
    {
        var group = heads / kvHeads;
        for (var kvHead = 0; kvHead < kvHeads; kvHead++)
            for (var first = 0; first < group; first += RowsPerBlock)
                _blocks.Add(new Block(sequence, 0, 1, kvHead * group + first, Math.Min(RowsPerBlock, group - first)));
    }

    /// <summary>output[row] = softmax(q·K/…)·V for all rows; keys and values of the batch are in the caches already.</summary>
    /// <param name="layer">Which layer's cache.</param>
    /// <param name="queries">[rows, heads, headDim].</param>
    /// <param name="output">[rows, heads, valueDim].</param>
    /// <param name="reach">Which keys a query sees; by default all up to its own.</param>
    /// <param name="sinks">A logit for each head, [heads], that joins the softmax and is dropped again; null for none.</param>
    /// <param name="bias">Added to the scores by distance; null for nothing.</param>
    internal void Forward(int layer, float* queries, float* output, AttentionReach reach = default, float[]? sinks = null, RelativeBias? bias = null)
    {
        _layer = layer;
        _reach = reach;
        _sinks = sinks;
        _bias = bias;
        _queries = queries;
        _output = output;
        context.Pool.Run(this, _blocks.Count);
    }

    void IParallelWork.Run(int item, int worker)
    {
        var block = _blocks[item];
        var kvHead = block.Head / (heads / kvHeads);
        var (cache, firstRow, rows) = _batch[block.Sequence];
        var position = cache.Length + block.First;
        var known = _reach.OfSource ? cache.Source! : cache;
        var all = _reach.OfSource ? known.Length : cache.Length + rows;
        // Groups that lie before all queries' reach are left out: they would add exact zeros.
        var keys = new KeyRange(_reach.FirstKey(position) / KeyGroup * KeyGroup, _reach.EndKey(position + block.Queries - 1, all));
        var scores = _scores.Pointer + (long)worker * RowsPerBlock * (_scoreStride + 2 * _outputStride);
        var weighted = scores + RowsPerBlock * _scoreStride;
        var queries = _queries + (long)(firstRow + block.First) * RowWidth + block.Head * headDim;
        var output = _output + (long)(firstRow + block.First) * OutputWidth + block.Head * _valueDim;

        Score(known, kvHead, keys, queries, block.Rows, block.Heads > 1 ? headDim : RowWidth, scores, worker);
        for (var r = 0; r < block.Rows; r++)
            Weigh(new Span<float>(scores + r * _scoreStride, keys.Count), block.Head + r % block.Heads, position + r / block.Heads, keys.Start, all);
        SumValues(known, kvHead, keys, scores, block.Rows, weighted, worker);
        for (var r = 0; r < block.Rows; r++)
            new ReadOnlySpan<float>(weighted + r * _outputStride, _valueDim).CopyTo(
                new Span<float>(output + (long)r * (block.Heads > 1 ? _valueDim : OutputWidth), _valueDim));
    }

    /// <summary>Keys and values of 16 bits are multiplied with queries and weights of 16 bits.</summary>
    private bool Rounds(KvLayout layout) => _multipliesRounded && layout.Precision == Precision.Bf16;

    /// <summary>The rows as bfloat16, in the worker's part of a buffer.</summary>
    private static byte** Round(ActivationBuffer buffer, int worker, float* x, int rows, int stride, int inputs)
    {
        var rounded = buffer.Rows + worker * RowsPerBlock;
        for (var r = 0; r < rows; r++)
            MatMulKernel.QuantizeRow(ActivationFormat.BFloat16, x + (long)r * stride, inputs, rounded[r]);
        return rounded;
    }

    /// <summary>scores[row, key] = q·K, page by page.</summary>
    private void Score(KvSequence cache, int kvHead, KeyRange keys, float* queries, int rows, int queryStride, float* scores, int worker)
    {
        var layout = cache.Layout;
        var rounded = Rounds(layout) ? Round(_roundedQueries, worker, queries, rows, queryStride, headDim) : null;
        for (var key = keys.Start; key < keys.End; key = NextPage(key))
        {
            var (page, offset) = (key / KvLayout.PageTokens, key % KvLayout.PageTokens);
            var panels = cache.Keys(_layer, kvHead, page) + offset / Width * layout.KeyPanelBytes;
            var count = (Math.Min(keys.End, NextPage(key)) - key + Width - 1) / Width;
            var next = NextPage(key) < keys.End ? cache.Keys(_layer, kvHead, page + 1) : cache.Values(_layer, kvHead, keys.Start / KvLayout.PageTokens);
            var y = scores + (key - keys.Start);
            if (rounded is not null)
                context.Kernel.MultiplyRoundedPanels(panels, count, layout.KeyPanelBytes, layout.KeyInputs, rounded, rows, y, _scoreStride, next);
            else
                context.Kernel.MultiplyPanels(layout.Precision, panels, count, layout.KeyPanelBytes, headDim, queries, rows, queryStride, y, _scoreStride, next);
        }
    }

    /// <summary>weighted[row] = Σ weight · V, one page's sum after another.</summary>
    private void SumValues(KvSequence cache, int kvHead, KeyRange keys, float* weights, int rows, float* weighted, int worker)
    {
        var layout = cache.Layout;
        var rounded = Rounds(layout) ? Round(_roundedWeights, worker, weights, rows, _scoreStride, keys.Count) : null;
        for (var key = keys.Start; key < keys.End; key = NextPage(key))
        {
            var (page, offset) = (key / KvLayout.PageTokens, key % KvLayout.PageTokens);
            var panels = cache.Values(_layer, kvHead, page) + offset / Width * (layout.ValuePanelBytes / (KvLayout.PageTokens / Width));
            var count = Math.Min(keys.End, NextPage(key)) - key;
            var sum = key == keys.Start ? weighted : weighted + RowsPerBlock * _outputStride;
            var next = NextPage(key) < keys.End ? cache.Values(_layer, kvHead, page + 1)
                : kvHead + 1 < kvHeads ? cache.Keys(_layer, kvHead + 1, keys.Start / KvLayout.PageTokens) : null;
            if (rounded is not null)
                MultiplyRoundedValues(panels, layout, (count + KeyGroup - 1) / KeyGroup * KeyGroup, rounded, key - keys.Start, rows, sum, next);
            else
                context.Kernel.MultiplyPanels(
                    layout.Precision, panels, layout.ValuePanels, layout.ValuePanelBytes, count, weights + (key - keys.Start), rows, _scoreStride, sum, _outputStride, next);
            if (key > keys.Start)
                VectorMath.Add(weighted, new ReadOnlySpan<float>(sum, rows * _outputStride));
        }
    }

    private void MultiplyRoundedValues(byte* panels, KvLayout layout, int count, byte** weights, int firstKey, int rows, float* sum, byte* next)
    {
        var x = stackalloc byte*[RowsPerBlock];
        for (var r = 0; r < rows; r++)
            x[r] = weights[r] + firstKey * sizeof(ushort);
        context.Kernel.MultiplyRoundedPanels(panels, layout.ValuePanels, layout.ValuePanelBytes, count, x, rows, sum, _outputStride, next);
    }

    private static int NextPage(int position) => (position / KvLayout.PageTokens + 1) * KvLayout.PageTokens;

    /// <summary>Scores of keys from <paramref name="start"/> on → weights, zero outside of what the position sees.</summary>
    private void Weigh(Span<float> row, int head, int position, int start, int keys)
    {
        var begin = _reach.FirstKey(position) - start;
        var end = _reach.EndKey(position, keys) - start;
        var seen = row[begin..end];
        if (_bias is not null)
        {
            VectorMath.Multiply(seen, scale);
            _bias.AddTo(seen, head, start + begin, position);
        }
        VectorMath.SoftmaxWithSink(seen, _bias is null ? scale : 1, _sinks is null ? float.NegativeInfinity : _sinks[head]);
        row[..begin].Clear();
        row[end..].Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scores.Dispose();
        _roundedQueries.Dispose();
        _roundedWeights.Dispose();
    }

    /// <summary>Several queries of one head, or one query of several heads; either way rows of the same keys.</summary>
    private readonly record struct Block(int Sequence, int First, int Queries, int Head, int Heads)
    {
        public int Rows => Queries * Heads;
    }

    /// <summary>The keys that a block looks at.</summary>
    private readonly record struct KeyRange(int Start, int End)
    {
        public int Count => End - Start;
    }
}
