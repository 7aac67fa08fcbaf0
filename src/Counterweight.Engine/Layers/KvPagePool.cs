using System.Runtime.InteropServices;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Layers;

/// <summary>Room for the keys and values of <see cref="KvLayout.PageTokens"/> positions in all layers; several sequences may share one.</summary>
internal sealed unsafe class KvPage(long bytes) : IDisposable
{
    private readonly AlignedBuffer _memory = new(bytes);

    public byte* Bytes => (byte*)_memory.Pointer;

    /// <summary>Sequences and caches that hold the page.</summary>
    public int Holders { get; set; }

    /// <summary>Sets all bytes to zero.</summary>
    public void Clear() => NativeMemory.Clear(_memory.Pointer, (nuint)_memory.Bytes);

    public void Dispose() => _memory.Dispose();
}

/// <summary>
/// The pages of a model's caches (Kwon et al. 2023, "PagedAttention"). Pages that nobody holds any more are used again, so that steady work allocates
/// nothing. May be called from several threads.
/// </summary>
/// <param name="layout">What a page holds.</param>
public sealed class KvPagePool(KvLayout layout) : IDisposable
{
    private readonly Stack<KvPage> _free = [];
    private readonly Lock _lock = new();

    /// <summary>What a page holds.</summary>
    public KvLayout Layout => layout;

    /// <summary>Pages that somebody holds.</summary>
    public int PagesInUse { get; private set; }

    internal KvPage Rent()
    {
        lock (_lock)
        {
            if (!_free.TryPop(out var page))
                page = new KvPage(layout.PageBytes);
            else if (layout.Precision == Precision.Bf16)
                page.Clear(); // Sums run over whole groups of positions, and an infinity of an earlier text would make NaN of the zeros in front of it.
            page.Holders = 1;
            PagesInUse++;
            return page;
        }
    }

    internal void Share(KvPage page)
    {
        lock (_lock)
            page.Holders++;
    }

    internal void Return(KvPage page)
    {
        lock (_lock)
        {
            if (--page.Holders > 0)
                return;
            PagesInUse--;
            _free.Push(page);
        }
    }

    /// <summary>Frees the pages that nobody holds.</summary>
    public void Dispose()
    {
        lock (_lock)
            while (_free.TryPop(out var page))
                page.Dispose();
    }
}
