using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Keys and values of one sequence in all layers, kept as the panels that the kernels multiply with: keys [16 positions] wide, values
/// [16 dimensions] wide. Takes what its first tokens need, so that many short texts of one pass stay small, and then grows by doubling.
/// </summary>
public sealed unsafe class KvSequence(int layers, int heads, int headDim, int? valueDim = null, int historyLayers = 0, int historyWidth = 0) : IDisposable
{
    private const int Width = MatMulKernel.PanelWidth;

    private readonly int _valueDim = valueDim ?? headDim;
    private readonly int _dimPanels = ((valueDim ?? headDim) + Width - 1) / Width;
    private AlignedBuffer? _keys;   // [layers, heads][capacity / 16][headDim][16]
    private AlignedBuffer? _values; // [layers, heads][dimPanels][capacity][16]

    private AlignedBuffer? _history; // [historyLayers][capacity][historyWidth]

    /// <summary>What an encoder has read for this sequence; freed with it. Null without an encoder.</summary>
    public KvSequence? Source { get; init; }

    /// <summary>Tokens that are in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens that fit before it grows.</summary>
    public int Capacity { get; private set; }

    /// <summary>Floats from one key panel to the next.</summary>
    public int KeyPanelStride => headDim * Width;

    /// <summary>Floats from one value panel to the next.</summary>
    public nint ValuePanelStride => (nint)Capacity * Width;

    /// <summary>Panels of 16 dimensions that hold the values of a head.</summary>
    public int ValuePanels => _dimPanels;

    /// <summary>Key panels of a head, [capacity / 16][headDim][16].</summary>
    public float* Keys(int layer, int head) => _keys!.Floats + (layer * heads + head) * KeyFloats(Capacity);

    /// <summary>Value panels of a head, [dimPanels][capacity][16].</summary>
    public float* Values(int layer, int head) => _values!.Floats + (layer * heads + head) * ValueFloats(Capacity);

    /// <summary>What a layer without attention was given at a position, [historyWidth].</summary>
    public Span<float> History(int layer, int position) => new(_history!.Floats + ((long)layer * Capacity + position) * historyWidth, historyWidth);

    /// <summary>Makes room for <paramref name="tokens"/> tokens in all.</summary>
    public void Reserve(int tokens)
    {
        if (tokens <= Capacity)
            return;
        var capacity = checked(Math.Max((tokens + Width - 1) / Width * Width, Capacity * 2));
        var keys = AlignedBuffer.OfFloats(layers * heads * KeyFloats(capacity));
        var values = AlignedBuffer.OfFloats(layers * heads * ValueFloats(capacity));
        for (var block = 0; Capacity > 0 && block < layers * heads; block++)
            CopyHead(block, capacity, keys, values);
        var history = CopyHistory(capacity);
        Free();
        (_keys, _values, _history, Capacity) = (keys, values, history, capacity);
    }

    /// <summary>Stores the key [headDim] and the value [valueDim] of one position of one head.</summary>
    public void Store(int layer, int head, int position, float* key, float* value)
    {
        var keyPanel = Keys(layer, head) + (long)(position / Width) * KeyPanelStride + position % Width;
        for (var d = 0; d < headDim; d++)
            keyPanel[d * Width] = key[d];
        var values = Values(layer, head) + (long)position * Width;
        for (var panel = 0; panel < _dimPanels; panel++)
        {
            var count = Math.Min(Width, _valueDim - panel * Width);
            new ReadOnlySpan<float>(value + panel * Width, count).CopyTo(new Span<float>(values + panel * ValuePanelStride, count));
        }
    }

    /// <summary>Counts <paramref name="tokens"/> stored positions as part of the sequence.</summary>
    public void Advance(int tokens) => Length += tokens;

    /// <summary>Forgets everything from position <paramref name="length"/> on, and the source with the last token; the memory stays.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        if (length == 0)
            Source?.Truncate(0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        Source?.Dispose();
    }

    private void Free()
    {
        _keys?.Dispose();
        _values?.Dispose();
        _history?.Dispose();
    }

    private AlignedBuffer? CopyHistory(int capacity)
    {
        if (historyLayers == 0)
            return null;
        var history = AlignedBuffer.OfFloats((long)historyLayers * capacity * historyWidth);
        for (var layer = 0; layer < historyLayers; layer++)
            for (var position = 0; position < Capacity; position++)
                History(layer, position).CopyTo(new Span<float>(history.Floats + ((long)layer * capacity + position) * historyWidth, historyWidth));
        return history;
    }

    private long KeyFloats(int capacity) => (long)capacity / Width * KeyPanelStride;

    private long ValueFloats(int capacity) => (long)capacity * Width * _dimPanels;

    private void CopyHead(int block, int capacity, AlignedBuffer keys, AlignedBuffer values)
    {
        var oldKeys = KeyFloats(Capacity);
        new ReadOnlySpan<float>(_keys!.Floats + block * oldKeys, (int)oldKeys).CopyTo(new Span<float>(keys.Floats + block * KeyFloats(capacity), (int)oldKeys));
        for (var panel = 0; panel < _dimPanels; panel++)
        {
            var from = _values!.Floats + block * ValueFloats(Capacity) + (long)panel * Capacity * Width;
            var to = values.Floats + block * ValueFloats(capacity) + (long)panel * capacity * Width;
            new ReadOnlySpan<float>(from, Capacity * Width).CopyTo(new Span<float>(to, Capacity * Width));
        }
    }
}
