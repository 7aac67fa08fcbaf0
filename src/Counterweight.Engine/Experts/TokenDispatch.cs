using Counterweight.Balancing.Splits;

namespace Counterweight.Engine.Experts;

/// <summary>
/// Sorts the choices of a batch by slot: histogram over logical experts, split into quotas of copies, then one run of choices for each
/// slot. A choice is token · k + its rank in the token's top-k. Choices with a negative expert were dropped: they go to no slot and count nowhere.
/// </summary>
internal sealed class TokenDispatch(SlotTable slots, int topK)
{
    private readonly int[] _expertLoads = new int[slots.Experts];
    private readonly int[] _cursor = new int[slots.Experts];
    private readonly int[] _quotas = new int[slots.Slots.Count];
    private readonly long[] _slotTotals = new long[slots.Slots.Count];
    private readonly int[] _slotStart = new int[slots.Slots.Count];
    private int[] _choices = [];   // [tokens · k], by slot
    private int[] _placeOf = [];   // [tokens · k] choice → index in _choices
    private int[] _slotOf = [];    // [tokens · k] index in _choices → slot
    private ulong[] _gateKeys = [];

    /// <summary>Tokens of each logical expert in the last batch.</summary>
    public ReadOnlySpan<int> ExpertLoads => _expertLoads;

    /// <summary>Tokens of each slot in the last batch.</summary>
    public ReadOnlySpan<int> SlotLoads => _quotas;

    /// <summary>The choices of the last batch, sorted by slot.</summary>
    public ReadOnlySpan<int> Choices => _choices;

    /// <summary>Where in <see cref="Choices"/> a choice went; -1 for one that was dropped.</summary>
    public ReadOnlySpan<int> PlaceOf => _placeOf;

    /// <summary>The slot that has a place in <see cref="Choices"/>.</summary>
    public int SlotOf(int place) => _slotOf[place];

    /// <summary>Choices of the last batch that were not dropped.</summary>
    public int Placed { get; private set; }

    /// <summary>First index in <see cref="Choices"/> of a slot's run.</summary>
    public int Start(int slot) => _slotStart[slot];

    /// <summary>Forgets what slots have had so far, so that a run can be repeated exactly.</summary>
    public void Reset() => Array.Clear(_slotTotals);

    /// <summary>Sorts the choices of <paramref name="rows"/> tokens.</summary>
    /// <param name="ids">Chosen experts, [rows, k].</param>
    /// <param name="gates">Their router weights, [rows, k].</param>
    /// <param name="rows">Tokens.</param>
    /// <param name="split">Who gets how many.</param>
    public void Sort(ReadOnlySpan<int> ids, ReadOnlySpan<float> gates, int rows, ISplitPolicy split)
    {
        var count = rows * topK;
        if (_choices.Length < count)
        {
            _choices = new int[Math.Max(count, _choices.Length * 2)];
            _placeOf = new int[_choices.Length];
            _slotOf = new int[_choices.Length];
            _gateKeys = new ulong[_choices.Length];
        }
        Array.Clear(_expertLoads);
        for (var i = 0; i < count; i++)
            if (ids[i] >= 0)
                _expertLoads[ids[i]]++;
        split.Split(_expertLoads, slots, _slotTotals, _quotas);
        var start = 0;
        for (var e = 0; e < slots.Experts; e++)
        {
            _cursor[e] = start;
            foreach (var slot in slots.CopiesOf(e))
            {
                _slotStart[slot] = start;
                _slotOf.AsSpan(start, _quotas[slot]).Fill(slot);
                start += _quotas[slot];
                _slotTotals[slot] += _quotas[slot];
            }
        }
        Placed = start;
        for (var i = 0; i < count; i++)
            if (ids[i] >= 0)
                _choices[_cursor[ids[i]]++] = i;
            else
                _placeOf[i] = -1;
        if (split.OrdersByGate)
            OrderByGate(gates);
        for (var place = 0; place < Placed; place++)
            _placeOf[_choices[place]] = place;
    }

    /// <summary>Within each expert whose copies differ: largest router weight first, which is where the best copies take theirs.</summary>
    private void OrderByGate(ReadOnlySpan<float> gates)
    {
        for (var e = 0; e < slots.Experts; e++)
        {
            var copies = slots.CopiesOf(e);
            if (slots.Slots[copies[0]].Precision == slots.Slots[copies[^1]].Precision)
                continue;
            var run = _choices.AsSpan(_cursor[e] - _expertLoads[e], _expertLoads[e]);
            var keys = _gateKeys.AsSpan(0, run.Length);
            // Router weights are not negative, so their bits order as they do; the choice breaks ties.
            for (var i = 0; i < run.Length; i++)
                keys[i] = (ulong)~BitConverter.SingleToUInt32Bits(gates[run[i]]) << 32 | (uint)run[i];
            keys.Sort();
            for (var i = 0; i < run.Length; i++)
                run[i] = (int)(uint)keys[i];
        }
    }
}
