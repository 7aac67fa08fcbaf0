namespace Counterweight.Engine.Tokenization.Models;

/// <summary>The tokens of a vocabulary as a tree of UTF-16 units: finds all that a text starts with in one walk.</summary>
internal sealed class TokenTrie
{
    /// <summary>Where every walk starts.</summary>
    public const int Root = 0;

    /// <summary>No node, and the token of a node where no token ends.</summary>
    public const int None = -1;

    private const ulong FreeSlot = ulong.MaxValue;
    private const ulong Spread = 0x9E3779B97F4A7C15;

    private readonly List<int> _tokens = [None];
    private (ulong Edge, int Child)[] _slots = NewSlots(1 << 8);

    /// <summary>Adds a token; of two with the same spelling the later one counts.</summary>
    public void Add(ReadOnlySpan<char> token, int id)
    {
        var node = Root;
        foreach (var unit in token)
            node = ChildOrNew(node, unit);
        _tokens[node] = id;
    }

    /// <summary>The node that a unit leads to, or <see cref="None"/>.</summary>
    public int Child(int node, char unit) => _slots[SlotOf(_slots, EdgeOf(node, unit))].Child;

    /// <summary>The token that ends at a node, or <see cref="None"/>.</summary>
    public int TokenAt(int node) => _tokens[node];

    private int ChildOrNew(int node, char unit)
    {
        var edge = EdgeOf(node, unit);
        var slot = SlotOf(_slots, edge);
        if (_slots[slot].Child != None)
            return _slots[slot].Child;
        if (2 * _tokens.Count > _slots.Length)
        {
            Grow();
            slot = SlotOf(_slots, edge);
        }
        _slots[slot] = (edge, _tokens.Count);
        _tokens.Add(None);
        return _slots[slot].Child;
    }

    private void Grow()
    {
        var larger = NewSlots(2 * _slots.Length);
        foreach (var entry in _slots)
            if (entry.Edge != FreeSlot)
                larger[SlotOf(larger, entry.Edge)] = entry;
        _slots = larger;
    }

    private static (ulong, int)[] NewSlots(int count)
    {
        var slots = new (ulong, int)[count];
        Array.Fill(slots, (FreeSlot, None));
        return slots;
    }

    private static ulong EdgeOf(int node, char unit) => ((ulong)(uint)node << 16) | unit;

    private static int SlotOf((ulong Edge, int Child)[] slots, ulong edge)
    {
        var slot = (int)(edge * Spread >> 32) & (slots.Length - 1);
        while (slots[slot].Edge != edge && slots[slot].Edge != FreeSlot)
            slot = (slot + 1) & (slots.Length - 1);
        return slot;
    }
}
