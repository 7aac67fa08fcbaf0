namespace Counterweight.Balancing.EnginePlanning;

/// <summary>The link that an expert comes over.</summary>
public enum LinkClass
{
    /// <summary>The device has the expert already, in another slot.</summary>
    SameDevice,

    /// <summary>From another device of the node.</summary>
    SameNode,

    /// <summary>From another node.</summary>
    OtherNode,
}

/// <summary>One step of a change of plans: slot <paramref name="Slot"/> of a layer is overwritten.</summary>
/// <param name="Layer">The layer's number in the model.</param>
/// <param name="Slot">The slot that is overwritten, numbered as in the plan with more slots on each device.</param>
/// <param name="Expert">The logical expert that it holds from then on.</param>
/// <param name="FromSlot">A slot that holds the expert at this moment, or the expert's slot before the layer's change if <paramref
/// name="ThroughBuffer"/>.</param>
/// <param name="Link">The link between the two.</param>
/// <param name="ThroughBuffer">True if the weights must be copied aside before the layer's first step, because every slot that holds them
/// is overwritten.</param>
public sealed record ExpertMove(int Layer, int Slot, int Expert, int FromSlot, LinkClass Link, bool ThroughBuffer);

/// <summary>What changes from one plan to another, as a list of moves that never leaves a logical expert without a copy where that can be
/// helped.</summary>
/// <param name="Moves">All moves, layer by layer, in the order in which they are safe.</param>
/// <param name="LayersTouched">Layer numbers with at least one move.</param>
/// <param name="MovesByLink">Number of moves over each link class, by <see cref="LinkClass"/>.</param>
public sealed record PlanDiff(IReadOnlyList<ExpertMove> Moves, IReadOnlyList<int> LayersTouched, IReadOnlyList<int> MovesByLink)
{
    /// <summary>Bytes over each link class, by <see cref="LinkClass"/>.</summary>
    /// <param name="expertBytes">Bytes of one expert.</param>
    public long[] BytesByLink(long expertBytes) => [.. MovesByLink.Select(moves => moves * expertBytes)];

    /// <summary>Compares two plans of one model and cluster; slots that a wider plan adds start empty.</summary>
    /// <exception cref="InvalidInputException">The plans are for different models or device counts.</exception>
    public static PlanDiff Between(EnginePlan before, EnginePlan after, ClusterTopology topology)
    {
        topology.Check();
        if (before.Experts != after.Experts || before.Devices != after.Devices || !before.MoeLayers.SequenceEqual(after.MoeLayers))
            throw new InvalidInputException("plans",
                $"{before.MoeLayers.Count} layers, {before.Experts} experts, {before.Devices} devices and {after.MoeLayers.Count} layers, {after.Experts} experts, {after.Devices} devices",
                "plans for the same layers, experts and devices");
        if (topology.Devices != before.Devices)
            throw new InvalidInputException("topology", $"{topology.Devices} devices", $"the {before.Devices} devices of the plans");
        var moves = new List<ExpertMove>();
        for (var l = 0; l < before.MoeLayers.Count; l++)
            moves.AddRange(new LayerMoves(before, after, l, topology).Order());
        var byLink = new int[3];
        foreach (var move in moves)
            byLink[(int)move.Link]++;
        return new PlanDiff(moves, [.. moves.Select(move => move.Layer).Distinct()], byLink);
    }
}

/// <summary>Orders the moves of one layer.</summary>
internal sealed class LayerMoves
{
    private const int Empty = -1;

    private readonly int _layer, _width;
    private readonly int[] _now, _wanted, _original; // [slots], as many as the wider plan has on each device
    private readonly int[] _copies;                  // [experts] now
    private readonly ClusterTopology _topology;

    public LayerMoves(EnginePlan before, EnginePlan after, int layer, ClusterTopology topology)
    {
        (_layer, _topology) = (before.MoeLayers[layer], topology);
        _width = Math.Max(before.SlotsPerDevice(layer), after.SlotsPerDevice(layer));
        _now = Spread(before.SlotExperts[layer], before.Devices);
        _wanted = Spread(after.SlotExperts[layer], after.Devices);
        _original = [.. _now];
        _copies = new int[before.Experts];
        foreach (var expert in _now)
            if (expert != Empty)
                _copies[expert]++;
    }

    /// <summary>
    /// Overwrites slots whose expert has another copy first. What is left are cycles of single copies: one of each goes through a buffer.
    /// </summary>
    public List<ExpertMove> Order()
    {
        var moves = new List<ExpertMove>();
        var waiting = Enumerable.Range(0, _now.Length).Where(s => _wanted[s] != Empty && _wanted[s] != _now[s]).ToList();
        while (waiting.Count > 0)
        {
            var next = waiting.FindIndex(IsSafe);
            var slot = waiting[Math.Max(next, 0)];
            waiting.Remove(slot);
            moves.Add(Move(slot));
            if (_now[slot] != Empty)
                _copies[_now[slot]]--;
            _now[slot] = _wanted[slot];
            _copies[_wanted[slot]]++;
        }
        return moves;
    }

    private bool IsSafe(int slot) => _copies[_wanted[slot]] > 0 && (_now[slot] == Empty || _copies[_now[slot]] > 1);

    private ExpertMove Move(int slot)
    {
        var expert = _wanted[slot];
        var source = Nearest(_now, expert, slot);
        var throughBuffer = source < 0;
        if (throughBuffer)
            source = Nearest(_original, expert, slot);
        return new ExpertMove(_layer, slot, expert, source, Link(source, slot), throughBuffer);
    }

    private int Nearest(int[] slots, int expert, int slot)
    {
        var best = -1;
        for (var s = 0; s < slots.Length; s++)
            if (slots[s] == expert && s != slot && (best < 0 || Link(s, slot) < Link(best, slot)))
                best = s;
        return best;
    }

    private LinkClass Link(int from, int to) =>
        from / _width == to / _width ? LinkClass.SameDevice :
        _topology.NodeOf(from / _width) == _topology.NodeOf(to / _width) ? LinkClass.SameNode : LinkClass.OtherNode;

    private int[] Spread(int[] slots, int devices)
    {
        var (spread, width) = (new int[_width * devices], slots.Length / devices);
        Array.Fill(spread, Empty);
        for (var d = 0; d < devices; d++)
            slots.AsSpan(d * width, width).CopyTo(spread.AsSpan(d * _width));
        return spread;
    }
}
