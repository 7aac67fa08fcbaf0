namespace Counterweight.Balancing.Policies.Budget;

/// <summary>
/// How many copies of every expert at one price of memory: from one copy each, always the copy that lowers the objective most for its
/// cost, over all layers, until no further one fits the budget.
/// </summary>
internal sealed class CopyAllocation
{
    private readonly BalanceObjective[] _objectives;
    private readonly CopyCosts _costs;
    private readonly int _maxCopies;
    private readonly int[][] _copies;        // [layers][experts]
    private readonly CopyCost[][] _now;      // [layers][experts] cost of the copies so far
    private readonly CopyCost[][] _next;     // [layers][experts] cost with one more
    private readonly (int Expert, double Ratio)[] _best; // [layers]

    public CopyAllocation(BalanceObjective[] objectives, CopyCosts costs, int experts, int maxCopies, long maxBytes)
    {
        (_objectives, _costs, _maxCopies) = (objectives, costs, maxCopies);
        _copies = Rows<int>(experts);
        _now = Rows<CopyCost>(experts);
        _next = Rows<CopyCost>(experts);
        _best = new (int, double)[objectives.Length];
        for (var l = 0; l < objectives.Length; l++)
            Start(l);
        if (Bytes <= maxBytes)
            AddCopies(maxBytes);
    }

    /// <summary>Bytes of all copies; above the limit if one copy of each expert is too much at this price.</summary>
    public long Bytes { get; private set; }

    /// <summary>The copies of every layer with their precisions, best first.</summary>
    public List<ExpertCopy>[] ToCopies()
    {
        var layers = new List<ExpertCopy>[_copies.Length];
        for (var l = 0; l < layers.Length; l++)
        {
            layers[l] = [];
            for (var e = 0; e < _copies[l].Length; e++)
                for (var rank = 0; rank < _copies[l][e]; rank++)
                    layers[l].Add(new ExpertCopy(e, _costs.PrecisionOf(l, e, rank, _copies[l][e])));
        }
        return layers;
    }

    private void Start(int layer)
    {
        _objectives[layer].Reset();
        for (var e = 0; e < _copies[layer].Length; e++)
        {
            _copies[layer][e] = 1;
            _now[layer][e] = _costs.Of(layer, e, 1);
            _next[layer][e] = _costs.Of(layer, e, 2);
            Bytes += _now[layer][e].Bytes;
        }
        _best[layer] = Best(layer);
    }

    private void AddCopies(long maxBytes)
    {
        while (true)
        {
            var layer = 0;
            for (var l = 1; l < _best.Length; l++)
                if (_best[l].Ratio > _best[layer].Ratio)
                    layer = l;
            var (expert, ratio) = _best[layer];
            if (ratio <= 0 || Bytes + _next[layer][expert].Bytes - _now[layer][expert].Bytes > maxBytes)
                return;
            Add(layer, expert);
        }
    }

    private void Add(int layer, int expert)
    {
        Bytes += _next[layer][expert].Bytes - _now[layer][expert].Bytes;
        _objectives[layer].Add(expert);
        _now[layer][expert] = _next[layer][expert];
        _next[layer][expert] = _costs.Of(layer, expert, ++_copies[layer][expert] + 1);
        _best[layer] = Best(layer);
    }

    private (int Expert, double Ratio) Best(int layer)
    {
        var best = (Expert: 0, Ratio: 0.0);
        for (var e = 0; e < _copies[layer].Length; e++)
        {
            if (_copies[layer][e] >= _maxCopies)
                continue;
            // A copy without cost is worth having for any gain at all; the floor keeps the order among such copies.
            var cost = Math.Max(_next[layer][e].Total - _now[layer][e].Total, 1e-30);
            var ratio = _objectives[layer].Gain(e) / cost;
            if (ratio > best.Ratio)
                best = (e, ratio);
        }
        return best;
    }

    private T[][] Rows<T>(int experts) => [.. _objectives.Select(_ => new T[experts])];
}
