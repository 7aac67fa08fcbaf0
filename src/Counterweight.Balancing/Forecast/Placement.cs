namespace Counterweight.Balancing.Forecast;

/// <summary>
/// The slots to place. Slots that pad every device to the same count belong to one more expert without load: since no device has two
/// copies of an expert, swaps keep the counts within one of each other.
/// </summary>
internal sealed class CopyCounts
{
    public CopyCounts(ReadOnlySpan<int> slotExperts, int experts, int devices)
    {
        Devices = devices;
        Experts = experts;
        PerDevice = (slotExperts.Length + devices - 1) / devices;
        ExpertOf = new int[PerDevice * devices];
        slotExperts.CopyTo(ExpertOf);
        ExpertOf.AsSpan(slotExperts.Length).Fill(experts);
        Copies = new int[experts + 1];
        foreach (var expert in ExpertOf)
            Copies[expert]++;
    }

    public int Devices { get; }

    /// <summary>Logical experts; the padding expert has this number.</summary>
    public int Experts { get; }

    public int PerDevice { get; }

    /// <summary>[slots + padding]</summary>
    public int[] ExpertOf { get; }

    /// <summary>[experts + 1]</summary>
    public int[] Copies { get; }
}

/// <summary>Slots on devices.</summary>
internal sealed class Placement
{
    private readonly int[] _copiesOn; // [devices, experts + 1]

    public Placement(CopyCounts slots, int[] deviceOf)
    {
        Slots = slots;
        DeviceOf = deviceOf;
        _copiesOn = new int[slots.Devices * slots.Copies.Length];
        for (var s = 0; s < deviceOf.Length; s++)
            CopiesOn(deviceOf[s], slots.ExpertOf[s])++;
    }

    public CopyCounts Slots { get; }

    /// <summary>[slots + padding]</summary>
    public int[] DeviceOf { get; }

    public ref int CopiesOn(int device, int expert) => ref _copiesOn[device * Slots.Copies.Length + expert];

    public bool CanSwap(int a, int b)
    {
        var (x, p, y, q) = (Slots.ExpertOf[a], DeviceOf[a], Slots.ExpertOf[b], DeviceOf[b]);
        return p != q && CopiesOn(q, x) == 0 && CopiesOn(p, y) == 0;
    }

    public void Swap(int a, int b)
    {
        var (x, p, y, q) = (Slots.ExpertOf[a], DeviceOf[a], Slots.ExpertOf[b], DeviceOf[b]);
        CopiesOn(p, x)--;
        CopiesOn(q, x)++;
        CopiesOn(q, y)--;
        CopiesOn(p, y)++;
        (DeviceOf[a], DeviceOf[b]) = (q, p);
    }
}
