using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Layers;

/// <summary>What a family does to a token's queries, keys and values before attention: norms, clipping, rotation.</summary>
/// <param name="queries">[heads, headDim].</param>
/// <param name="keys">[kvHeads, headDim].</param>
/// <param name="values">[kvHeads, valueDim].</param>
/// <param name="position">The token's place in its sequence.</param>
internal unsafe delegate void HeadPreparation(float* queries, float* keys, float* values, int position);

/// <summary>Queries, keys, values and results of the batch's tokens in the attention layer that is at work; shared by all layers.</summary>
internal sealed unsafe class AttentionRows : IDisposable
{
    private readonly Attention _attention;
    private readonly int _heads, _kvHeads, _headDim, _valueDim;
    private readonly FloatBuffer _queries = new();  // [rows, heads, headDim]
    private readonly FloatBuffer _keys = new();     // [rows, kvHeads, headDim]
    private readonly FloatBuffer _values = new();   // [rows, kvHeads, valueDim]
    private readonly FloatBuffer _attended = new(); // [rows, heads, valueDim]
    private readonly RowWork _prepareAndStore;
    private ForwardPass _pass = null!;
    private HeadPreparation _prepare = null!;
    private bool? _fromQuantized;
    private int _layer;

    public AttentionRows(ComputeContext context, int heads, int kvHeads, int headDim, float scale, int? valueDim = null)
    {
        Context = context;
        (_heads, _kvHeads, _headDim, _valueDim) = (heads, kvHeads, headDim, valueDim ?? headDim);
        _attention = new Attention(context, heads, kvHeads, headDim, scale, valueDim);
        _prepareAndStore = new RowWork(context.Pool, PrepareAndStore);
    }

    public ComputeContext Context { get; }

    public float* Queries => _queries.Pointer;

    public float* Keys => _keys.Pointer;

    public float* Values => _values.Pointer;

    public float* Attended => _attended.Pointer;

    public int QueryWidth => _heads * _headDim;

    public int KeyWidth => _kvHeads * _headDim;

    public int ValueWidth => _kvHeads * _valueDim;

    public int AttendedWidth => _heads * _valueDim;

    /// <summary>Queries, keys and values as the projections give them.</summary>
    public static HeadPreparation AsTheyAre { get; } = (_, _, _, _) => { };

    /// <summary>Caches for this many attention layers, and for others that keep a history of rows.</summary>
    public KvPagePool KvPages(int layers, int historyLayers = 0, int historyWidth = 0) =>
        new(new KvLayout(layers, _kvHeads, _headDim, _valueDim, _fromQuantized == true ? Precision.Bf16 : Precision.Fp32, historyLayers, historyWidth));

    /// <summary>
    /// Tells what a layer makes keys and values with. Those of quantized activations have no more good bits than bfloat16 keeps: if all layers make them so, caches
    /// hold them as bfloat16, which halves what a step of many sequences reads.
    /// </summary>
    public void KeysAndValuesFrom(params ReadOnlySpan<Linear> projections)
    {
        foreach (var projection in projections)
            _fromQuantized = _fromQuantized != false && projection.Activations != ActivationFormat.Single;
    }

    /// <summary>Makes room for the rows of a pass.</summary>
    public void Begin(ForwardPass pass)
    {
        _pass = pass;
        _queries.Reserve((long)pass.Rows * QueryWidth);
        _keys.Reserve((long)pass.Rows * KeyWidth);
        _values.Reserve((long)pass.Rows * ValueWidth);
        _attended.Reserve((long)pass.Rows * AttendedWidth);
        _attention.Begin(pass.Batch);
    }

    /// <summary>Prepares the projected rows, stores keys and values under <paramref name="layer"/> of the caches, and attends.</summary>
    public void Attend(int layer, HeadPreparation prepare, AttentionReach reach, float[]? sinks, RelativeBias? bias = null)
    {
        Store(layer, prepare);
        _attention.Forward(layer, Queries, Attended, reach, sinks, bias);
    }

    /// <summary>Stores keys and values under <paramref name="layer"/> of the caches.</summary>
    public void Store(int layer, HeadPreparation? prepare = null)
    {
        _layer = layer;
        _prepare = prepare ?? AsTheyAre;
        _prepareAndStore.Run(_pass.Rows);
    }

    /// <summary>Attends to what lies under <paramref name="layer"/> of the sources' caches.</summary>
    public void AttendToSources(int layer) => _attention.Forward(layer, Queries, Attended, AttentionReach.Source);

    private void PrepareAndStore(int begin, int end)
    {
        for (var row = begin; row < end; row++)
        {
            if (row + 1 < end)
                _pass.CacheOf(row + 1).FetchForStore(_layer, _pass.Batch.Positions[row + 1]);
            var position = _pass.Batch.Positions[row];
            var keys = Keys + (long)row * KeyWidth;
            var values = Values + (long)row * ValueWidth;
            _prepare(Queries + (long)row * QueryWidth, keys, values, position);
            var cache = _pass.CacheOf(row);
            for (var head = 0; head < _kvHeads; head++)
                cache.Store(_layer, head, position, keys + head * _headDim, values + head * _valueDim);
        }
    }

    public void Dispose()
    {
        _attention.Dispose();
        foreach (var buffer in (ReadOnlySpan<FloatBuffer>)[_queries, _keys, _values, _attended])
            buffer.Dispose();
    }
}
