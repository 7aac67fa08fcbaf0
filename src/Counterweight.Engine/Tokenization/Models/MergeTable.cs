using System.Numerics;

namespace Counterweight.Engine.Tokenization.Models;

/// <summary>What a pair of tokens becomes.</summary>
/// <param name="Rank">place in the order of merges, low ranks first; <see cref="MergeTable.None"/> where they don't merge</param>
/// <param name="Merged">id of the token that the two become</param>
internal readonly record struct Merge(int Rank, int Merged);

/// <summary>The merges by their pair of token ids.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that doesn't merge: above all others, so that the lowest rank is the next merge.</summary>
    public const int None = int.MaxValue;

    private const ulong NoPair = ulong.MaxValue;
    private const ulong Spread = 0x9E3779B97F4A7C15;

    // Open addressing: a pair that is looked up, most of which are absent, costs one cache line.
    private readonly (ulong Pair, Merge Merge)[] _slots;
    private readonly int _shift;
    private readonly HashSet<(char Left, char Right)> _joints = [];
    private int _count;

    /// <param name="capacity">how many merges will be added at most</param>
    public MergeTable(int capacity)
    {
        _slots = new (ulong, Merge)[BitOperations.RoundUpToPowerOf2((uint)Math.Max(2 * capacity, 2))];
        _shift = 64 - BitOperations.Log2((uint)_slots.Length);
        Array.Fill(_slots, (NoPair, new Merge(None, None)));
    }

    /// <summary>Appends the merge with the next rank; of two with the same pair the later one counts.</summary>
    public void Add((string Token, int Id) left, (string Token, int Id) right, int merged)
    {
        var pair = PairOf(left.Id, right.Id);
        _slots[SlotOf(pair)] = (pair, new Merge(_count++, merged));
        _joints.Add((left.Token[^1], right.Token[0]));
    }

    public Merge Find(int left, int right) => _slots[SlotOf(PairOf(left, right))].Merge;

    /// <summary>Whether some merge joins a token that ends in the one character with a token that starts with the other.</summary>
    public bool Joins(char left, char right) => _joints.Contains((left, right));

    private static ulong PairOf(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>Where the pair stands, or the free slot for it.</summary>
    private int SlotOf(ulong pair)
    {
        var slot = (int)(pair * Spread >> _shift);
        while (_slots[slot].Pair != pair && _slots[slot].Pair != NoPair)
            slot = (slot + 1) & (_slots.Length - 1);
        return slot;
    }
}
