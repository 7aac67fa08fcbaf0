namespace Counterweight.Balancing.Policies.Eplb;

/// <summary>
/// Greedy packing into packs of equal counts: items by descending weight, each into the lightest pack that has room (ties: the first).
/// Sums are single precision, as in the published implementation. Holds scratch memory: one object for each thread.
/// </summary>
internal sealed class BalancedPacking(int maxItems, int maxPacks)
{
    private readonly ulong[] _order = new ulong[maxItems];
    private readonly float[] _sums = new float[maxPacks];
    private readonly int[] _counts = new int[maxPacks];
    private readonly int[] _heap = new int[maxPacks];

    /// <summary>Writes the item at each place: pack p owns places p·perPack ….</summary>
    /// <param name="weights">Weight of each item, not negative; the count is a multiple of <paramref name="packs"/>.</param>
    /// <param name="packs">Number of packs.</param>
    /// <param name="items">Receives item numbers by place.</param>
    public void Pack(ReadOnlySpan<float> weights, int packs, Span<int> items)
    {
        var perPack = weights.Length / packs;
        if (perPack == 1)
        {
            for (var i = 0; i < items.Length; i++)
                items[i] = i;
            return;
        }
        var order = Descending(weights);
        for (var p = 0; p < packs; p++)
            (_sums[p], _counts[p], _heap[p]) = (0, 0, p);
        var open = packs;
        foreach (var key in order)
        {
            var item = (int)(uint)key;
            var pack = _heap[0];
            items[pack * perPack + _counts[pack]++] = item;
            _sums[pack] += weights[item];
            if (_counts[pack] == perPack)
                _heap[0] = _heap[--open];
            SiftDown(open);
        }
    }

    // Bits of non-negative floats ascend with their values; the item number in the low half keeps the order stable.
    private Span<ulong> Descending(ReadOnlySpan<float> weights)
    {
        var order = _order.AsSpan(0, weights.Length);
        for (var i = 0; i < weights.Length; i++)
            order[i] = (ulong)~BitConverter.SingleToUInt32Bits(weights[i]) << 32 | (uint)i;
        order.Sort();
        return order;
    }

    private void SiftDown(int count)
    {
        var (place, pack) = (0, _heap[0]);
        for (var child = 1; child < count; child = 2 * place + 1)
        {
            if (child + 1 < count && IsLighter(_heap[child + 1], _heap[child]))
                child++;
            if (!IsLighter(_heap[child], pack))
                break;
            _heap[place] = _heap[child];
            place = child;
        }
        if (count > 0)
            _heap[place] = pack;
    }

    private bool IsLighter(int a, int b) => _sums[a] < _sums[b] || (_sums[a] == _sums[b] && a < b);
}
