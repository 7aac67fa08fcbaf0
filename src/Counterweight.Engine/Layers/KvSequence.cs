using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Layers;

/// <summary>
/// Keys and values of one sequence in all layers, in pages of <see cref="KvLayout.PageTokens"/> positions, kept as the panels that the kernels multiply with:
/// keys [16 positions] wide, values [16 dimensions] wide. Sequences with the same beginning may share its pages.
/// </summary>
public sealed unsafe class KvSequence(KvPagePool pool) : IDisposable
{
    private const int Width = MatMulKernel.PanelWidth;

    private readonly KvLayout _layout = pool.Layout;
    private readonly List<KvPage> _pages = [];

    /// <summary>What an encoder has read for this sequence; freed with it. Null without an encoder.</summary>
    public KvSequence? Source { get; init; }

    /// <summary>Tokens that are in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>Tokens that fit before it needs another page.</summary>
    public int Capacity => _pages.Count * KvLayout.PageTokens;

    /// <summary>How a page is laid out.</summary>
    public KvLayout Layout => _layout;

    /// <summary>Key panels of a head in a page, [4][headDim][16].</summary>
    public byte* Keys(int layer, int head, int page) => _pages[page].Bytes + _layout.KeysOf(layer, head);

    /// <summary>Value panels of a head in a page, [valuePanels][64][16].</summary>
    public byte* Values(int layer, int head, int page) => _pages[page].Bytes + _layout.ValuesOf(layer, head);

    /// <summary>What a layer without attention was given at a position, [historyWidth].</summary>
    public Span<float> History(int layer, int position) =>
        new(_pages[position / KvLayout.PageTokens].Bytes + _layout.HistoryOf(layer, position % KvLayout.PageTokens), _layout.HistoryWidth);

    /// <summary>Makes room for <paramref name="tokens"/> tokens in all, those from <see cref="Length"/> on in pages of the sequence's own.</summary>
    public void Reserve(int tokens)
    {
        var pages = KvLayout.PagesFor(tokens);
        for (var page = Length / KvLayout.PageTokens; page < Math.Min(pages, _pages.Count); page++)
            if (_pages[page].Holders > 1)
                MakeOwn(page);
        _pages.EnsureCapacity(pages);
        while (_pages.Count < pages)
            _pages.Add(pool.Rent());
    }

    /// <summary>Stores the key [headDim] and the value [valueDim] of one position of one head.</summary>
    public void Store(int layer, int head, int position, float* key, float* value)
    {
        var (page, offset) = (position / KvLayout.PageTokens, position % KvLayout.PageTokens);
        byte* keys = Keys(layer, head, page) + offset / Width * _layout.KeyPanelBytes, values = Values(layer, head, page);
        if (_layout.Precision == Precision.Bf16)
            StoreHalves(offset, (uint*)keys, values, key, value);
        else
            StoreFloats(offset, (float*)keys, (float*)values, key, value);
    }

    /// <summary>Brings the cache lines of a position near: a key has one for each word, and stores that wait for memory one after another take longer than all else about a token.</summary>
    public void FetchForStore(int layer, int position)
    {
        if (!Sse.IsSupported)
            return;
        var (page, offset) = (position / KvLayout.PageTokens, position % KvLayout.PageTokens);
        for (var head = 0; head < _layout.Heads; head++)
        {
            var keys = Keys(layer, head, page) + offset / Width * _layout.KeyPanelBytes;
            for (var line = 0; line < _layout.KeyPanelBytes; line += Width * sizeof(float))
                Sse.Prefetch0(keys + line);
        }
    }

    private void StoreFloats(int offset, float* keys, float* values, float* key, float* value)
    {
        for (var d = 0; d < _layout.HeadDim; d++)
            keys[d * Width + offset % Width] = key[d];
        for (var panel = 0; panel < _layout.ValuePanels; panel++)
        {
            var count = Math.Min(Width, _layout.ValueDim - panel * Width);
            new ReadOnlySpan<float>(value + panel * Width, count).CopyTo(new Span<float>(values + (panel * KvLayout.PageTokens + offset) * Width, count));
        }
    }

    private void StoreHalves(int offset, uint* keys, byte* values, float* key, float* value)
    {
        var rounded = stackalloc ushort[_layout.HeadDim + 1];
        rounded[_layout.HeadDim] = 0;
        BFloat16.RoundToNearest(new ReadOnlySpan<float>(key, _layout.HeadDim), new Span<ushort>(rounded, _layout.HeadDim));
        for (var pair = 0; pair < (_layout.HeadDim + 1) / 2; pair++)
            keys[pair * Width + offset % Width] = ((uint*)rounded)[pair];
        for (var panel = 0; panel < _layout.ValuePanels; panel++)
            StoreHalves(
                (uint*)values + (panel * KvLayout.PageTokens / 2 + offset / 2) * Width, offset % 2 * 16,
                new ReadOnlySpan<float>(value + panel * Width, Math.Min(Width, _layout.ValueDim - panel * Width)));
    }

    /// <summary>Puts up to 16 values into the lower or upper halves of as many words.</summary>
    private static void StoreHalves(uint* words, int shift, ReadOnlySpan<float> values)
    {
        if (values.Length == Width)
        {
            var halves = BFloat16.UpperHalves(Vector512.Create(values).AsUInt32());
            ((Vector512.Load(words) & Vector512.Create(0xFFFF0000u >> shift)) | (halves << shift)).Store(words);
            return;
        }
        for (var d = 0; d < values.Length; d++)
            words[d] = (words[d] & (0xFFFF0000u >> shift)) | ((uint)BFloat16.RoundToNearest(values[d]) << shift);
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

    /// <summary>
    /// Begins anew with the first <paramref name="tokens"/> positions of another sequence of the same model, which may have been truncated below them but not
    /// written over since. Pages are shared until one of the two writes to them.
    /// </summary>
    public void CopyFrom(KvSequence other, int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, other.Capacity);
        Adopt(other._pages[..KvLayout.PagesFor(tokens)], tokens);
    }

    /// <summary>The pages of the first <paramref name="tokens"/> positions.</summary>
    internal IReadOnlyList<KvPage> Pages(int tokens) => _pages[..KvLayout.PagesFor(tokens)];

    /// <summary>Begins anew with pages that hold <paramref name="tokens"/> positions and go on being held by whoever holds them.</summary>
    internal void Adopt(IReadOnlyList<KvPage> pages, int tokens)
    {
        foreach (var page in pages)
            pool.Share(page);
        Release();
        _pages.AddRange(pages);
        Length = tokens;
    }

    /// <summary>Forgets everything, the source as well, and gives the memory back.</summary>
    public void Release()
    {
        Source?.Release();
        foreach (var page in _pages)
            pool.Return(page);
        _pages.Clear();
        Length = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Release();

    private void MakeOwn(int page)
    {
        var (shared, own) = (_pages[page], pool.Rent());
        Buffer.MemoryCopy(shared.Bytes, own.Bytes, _layout.PageBytes, _layout.PageBytes);
        pool.Return(shared);
        _pages[page] = own;
    }
}
