using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Splits;

/// <summary>The slots of a layer with the tables that routing needs: the copies of each logical expert, the devices.</summary>
public sealed class SlotTable
{
    private readonly int[] _copies;      // slot numbers, grouped by logical expert, best precision first
    private readonly int[] _firstCopy;   // [experts + 1] into _copies

    /// <summary>Makes the tables for slots that cover the experts 0..<paramref name="experts"/>-1.</summary>
    public SlotTable(IReadOnlyList<Slot> slots, int experts)
    {
        Slots = [.. slots];
        Experts = experts;
        Devices = slots.Count == 0 ? 0 : slots.Max(slot => slot.Device) + 1;
        _copies = [.. Enumerable.Range(0, slots.Count).OrderBy(s => slots[s].Expert).ThenBy(s => slots[s].Precision).ThenBy(s => s)];
        _firstCopy = new int[experts + 1];
        foreach (var slot in slots)
            _firstCopy[slot.Expert + 1]++;
        for (var e = 0; e < experts; e++)
            _firstCopy[e + 1] += _firstCopy[e];
    }

    /// <summary>The slots in plan order.</summary>
    public IReadOnlyList<Slot> Slots { get; }

    /// <summary>Number of logical experts.</summary>
    public int Experts { get; }

    /// <summary>One more than the highest device number.</summary>
    public int Devices { get; }

    /// <summary>The slot numbers of a logical expert's copies: highest precision first, then slot order.</summary>
    public ReadOnlySpan<int> CopiesOf(int expert) => _copies.AsSpan(_firstCopy[expert].._firstCopy[expert + 1]);
}
