using Counterweight.Balancing.Plans;

namespace Counterweight.Balancing.Splits;

/// <summary>The slots of a layer with the tables that routing needs: the copies of each logical expert, the devices.</summary>
public sealed class SlotTable
{
    private readonly int[] _copies;      // slot numbers, grouped by logical expert, best precision first
    private readonly int[] _firstCopy;   // [experts + 1] into _copies
    private readonly int[] _onDevice;    // slot numbers, grouped by device
    private readonly int[] _firstOnDevice; // [Devices + 1] into _onDevice
    private readonly int[] _device;      // [slots]
    private readonly int[] _expert;      // [slots]

    /// <summary>Makes the tables for slots that cover the experts 0..<paramref name="experts"/>-1.</summary>
    public SlotTable(IReadOnlyList<Slot> slots, int experts)
    {
        Slots = [.. slots];
        Experts = experts;
        Devices = slots.Count == 0 ? 0 : slots.Max(slot => slot.Device) + 1;
        _device = [.. slots.Select(slot => slot.Device)];
        _expert = [.. slots.Select(slot => slot.Expert)];
        var numbers = Enumerable.Range(0, slots.Count);
        _copies = [.. numbers.OrderBy(s => slots[s].Expert).ThenBy(s => slots[s].Precision).ThenBy(s => s)];
        _onDevice = [.. numbers.OrderBy(s => slots[s].Device).ThenBy(s => s)];
        _firstCopy = FirstOf(_expert, experts);
        _firstOnDevice = FirstOf(_device, Devices);
    }

    /// <summary>The slots in plan order.</summary>
    public IReadOnlyList<Slot> Slots { get; }

    /// <summary>Number of logical experts.</summary>
    public int Experts { get; }

    /// <summary>One more than the highest device number.</summary>
    public int Devices { get; }

    /// <summary>The slot numbers of a logical expert's copies: highest precision first, then slot order.</summary>
    public ReadOnlySpan<int> CopiesOf(int expert) => _copies.AsSpan(_firstCopy[expert].._firstCopy[expert + 1]);

    /// <summary>The slot numbers on a device, in slot order.</summary>
    public ReadOnlySpan<int> SlotsOn(int device) => _onDevice.AsSpan(_firstOnDevice[device].._firstOnDevice[device + 1]);

    /// <summary>The device of each slot, [slots].</summary>
    public ReadOnlySpan<int> DeviceOf => _device;

    /// <summary>The logical expert of each slot, [slots].</summary>
    public ReadOnlySpan<int> ExpertOf => _expert;

    private static int[] FirstOf(int[] keys, int count)
    {
        var first = new int[count + 1];
        foreach (var key in keys)
            first[key + 1]++;
        for (var i = 0; i < count; i++)
            first[i + 1] += first[i];
        return first;
    }
}
