namespace Counterweight.Engine.Tokenization.Models;

/// <summary>What a pair of tokens becomes.</summary>
/// <param name="Rank">place in the order of merges, low ranks first; <see cref="MergeTable.None"/> where they don't merge</param>
/// <param name="Merged">id of the token that the two become</param>
internal readonly record struct Merge(int Rank, int Merged);

/// <summary>The merges by their pair of token ids.</summary>
internal sealed class MergeTable(int capacity)
{
    /// <summary>The rank of a pair that doesn't merge.</summary>
    public const int None = -1;

    // Odd, so each pair has a product of its own. The pair itself would hash to left ^ right: so many collisions that new words
    // took several times as long.
    private const ulong Spread = 0x9E3779B97F4A7C15;

    private readonly Dictionary<ulong, Merge> _merges = new(capacity);
    private readonly HashSet<(char Left, char Right)> _joints = [];
    private int _count;

    /// <summary>Appends the merge with the next rank; of two with the same pair the later one counts.</summary>
    public void Add((string Token, int Id) left, (string Token, int Id) right, int merged)
    {
        _merges[Key(left.Id, right.Id)] = new Merge(_count++, merged);
        _joints.Add((left.Token[^1], right.Token[0]));
    }

    public Merge Find(int left, int right) => _merges.TryGetValue(Key(left, right), out var merge) ? merge : new Merge(None, None);

    /// <summary>Whether some merge joins a token that ends in the one character with a token that starts with the other.</summary>
    public bool Joins(char left, char right) => _joints.Contains((left, right));

    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) * Spread;
}
