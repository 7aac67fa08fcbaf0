namespace Counterweight.Engine.Tokenization.Models;

/// <summary>Which pairs of tokens merge, in which order, and into what.</summary>
internal sealed class MergeTable(int capacity)
{
    /// <summary>The rank of a pair that doesn't merge.</summary>
    public const int None = -1;

    private readonly Dictionary<ulong, int> _ranks = new(capacity);
    private readonly List<int> _merged = new(capacity);

    /// <summary>Appends the merge with the next rank; of two equal pairs the later one counts.</summary>
    public void Add(int left, int right, int merged)
    {
        _ranks[Key(left, right)] = _merged.Count;
        _merged.Add(merged);
    }

    /// <summary>The pair's rank (low ranks merge first) or <see cref="None"/>.</summary>
    public int RankOf(int left, int right) => _ranks.TryGetValue(Key(left, right), out var rank) ? rank : None;

    /// <summary>The token that the merge of this rank makes.</summary>
    public int MergedBy(int rank) => _merged[rank];

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}
