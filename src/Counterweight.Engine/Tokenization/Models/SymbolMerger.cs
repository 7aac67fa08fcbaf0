using System.Numerics.Tensors;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>
/// Merges the symbols of one word: always the pair with the lowest rank, the leftmost of equals. Words of a few symbols are searched
/// from end to end for each merge; in longer ones a linked list and a heap keep it O(n log n), which matters where a whole text is one
/// word (SentencePiece-style tokenizers). Reusable, not thread-safe.
/// </summary>
internal sealed class SymbolMerger
{
    /// <summary>Words of at most so many symbols are searched.</summary>
    internal const int FewSymbols = 48;

    private readonly PriorityQueue<int, ulong> _candidates = new();
    private int[] _ids = new int[64];
    private int[] _next = new int[64];
    private int[] _previous = new int[64];

    /// <summary>Rank and result of the pair that starts here; a candidate in the heap with another rank is out of date.</summary>
    private (int Rank, int Merged)[] _pairs = new (int, int)[64];

    public int Count { get; private set; }

    /// <summary>The size of the buffers, in symbols.</summary>
    public int Capacity => _ids.Length;

    public ReadOnlySpan<int> Symbols => _ids.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Append(int id)
    {
        if (Count == _ids.Length)
            Array.Resize(ref _ids, Count * 2);
        _ids[Count++] = id;
    }

    /// <summary>Applies all merges; <see cref="Symbols"/> then holds the tokens.</summary>
    public void Merge(MergeTable merges)
    {
        if (Count <= FewSymbols)
            MergeFew(merges);
        else
            MergeMany(merges);
    }

    private void MergeFew(MergeTable merges)
    {
        Span<int> ranks = stackalloc int[FewSymbols], merged = stackalloc int[FewSymbols];
        for (var i = 0; i + 1 < Count; i++)
            (ranks[i], merged[i]) = merges.Find(_ids[i], _ids[i + 1]);
        while (Count > 1)
        {
            var pairs = ranks[..(Count - 1)];
            var left = TensorPrimitives.IndexOfMin<int>(pairs);
            if (pairs[left] == MergeTable.None)
                return;
            _ids[left] = merged[left];
            _ids.AsSpan(left + 2, Count - left - 2).CopyTo(_ids.AsSpan(left + 1));
            if (left + 1 < pairs.Length)
            {
                pairs[(left + 2)..].CopyTo(pairs[(left + 1)..]);
                merged[(left + 2)..(Count - 1)].CopyTo(merged[(left + 1)..]);
            }
            Count--;
            if (left + 1 < Count)
                (ranks[left], merged[left]) = merges.Find(_ids[left], _ids[left + 1]);
            if (left > 0)
                (ranks[left - 1], merged[left - 1]) = merges.Find(_ids[left - 1], _ids[left]);
        }
    }

    private void MergeMany(MergeTable merges)
    {
        Link(merges);
        while (_candidates.TryDequeue(out var left, out var priority))
        {
            var rank = (int)(priority >> 32);
            if (_pairs[left].Rank != rank)
                continue;
            var right = _next[left];
            _ids[left] = _pairs[left].Merged;
            _pairs[right].Rank = MergeTable.None;
            var after = _next[left] = _next[right];
            if (after < Count)
                _previous[after] = left;
            Consider(left, merges);
            if (_previous[left] >= 0)
                Consider(_previous[left], merges);
        }
        Compact();
    }

    private void Link(MergeTable merges)
    {
        if (_next.Length < _ids.Length)
            (_next, _previous, _pairs) = (new int[_ids.Length], new int[_ids.Length], new (int, int)[_ids.Length]);
        for (var i = 0; i < Count; i++)
            (_next[i], _previous[i]) = (i + 1, i - 1);
        for (var i = 0; i < Count; i++)
            Consider(i, merges);
    }

    private void Consider(int left, MergeTable merges)
    {
        var right = _next[left];
        if (right == Count)
        {
            _pairs[left].Rank = MergeTable.None;
            return;
        }
        var merge = merges.Find(_ids[left], _ids[right]);
        _pairs[left] = (merge.Rank, merge.Merged);
        if (merge.Rank != MergeTable.None)
            _candidates.Enqueue(left, ((ulong)(uint)merge.Rank << 32) | (uint)left);
    }

    private void Compact()
    {
        var kept = 0;
        for (var i = 0; i < Count; i = _next[i])
            _ids[kept++] = _ids[i];
        Count = kept;
    }
}
