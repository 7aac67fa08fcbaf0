using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Policies.Eplb;

/// <summary>
/// The expert-parallel load balancer that DeepSeek published (deepseek-ai/EPLB): greedy replication, then greedy packing; the hierarchical
/// form first deals expert groups to nodes. Like the original it may put two copies of an expert on one device.
/// </summary>
public static class EplbPlanner
{
    /// <summary>Plans every layer.</summary>
    /// <returns>The logical expert in each slot, [layers][slots]; devices own equal contiguous runs.</returns>
    /// <exception cref="InvalidInputException">The options do not fit the loads.</exception>
    public static int[][] Plan(ExpertLoads loads, EplbOptions options)
    {
        options.Check(loads.Experts);
        var layers = new int[loads.Layers][];
        // A layer takes some 30 µs: handing out single layers would cost more than planning them.
        const int LayersPerBatch = 8;
        Parallel.For(0, (loads.Layers + LayersPerBatch - 1) / LayersPerBatch, batch =>
        {
            var planner = new LayerPlanner(loads.Experts, options);
            for (var l = batch * LayersPerBatch; l < Math.Min(loads.Layers, (batch + 1) * LayersPerBatch); l++)
                layers[l] = planner.Plan(loads[l]);
        });
        return layers;
    }

    private sealed class LayerPlanner
    {
        private readonly EplbOptions _options;
        private readonly int _nodes, _groups;
        private readonly float[] _weights;      // [experts] in the order of the nodes
        private readonly float[] _groupWeights; // [groups]
        private readonly int[] _groupAt;        // [groups] group by place
        private readonly int[] _expertAt;       // [experts] logical expert by place: nodes own equal runs
        private readonly int[] _copies;         // [experts of a node]
        private readonly float[] _perCopy;      // [experts of a node]
        private readonly int[] _replicas;       // [slots of a node] place of the expert inside its node
        private readonly float[] _slotWeights;  // [slots of a node]
        private readonly int[] _slotAt;         // [slots of a node]
        private readonly BalancedPacking _packing;

        public LayerPlanner(int experts, EplbOptions options)
        {
            _options = options;
            (_nodes, _groups) = options.IsHierarchical ? (options.Nodes, options.Groups) : (1, 1);
            var (expertsPerNode, slotsPerNode) = (experts / _nodes, options.Slots / _nodes);
            (_weights, _expertAt) = (new float[experts], new int[experts]);
            (_groupWeights, _groupAt) = (new float[_groups], new int[_groups]);
            (_copies, _perCopy) = (new int[expertsPerNode], new float[expertsPerNode]);
            (_replicas, _slotWeights, _slotAt) = (new int[slotsPerNode], new float[slotsPerNode], new int[slotsPerNode]);
            _packing = new BalancedPacking(Math.Max(_groups, slotsPerNode), Math.Max(_nodes, options.Devices / _nodes));
        }

        public int[] Plan(ReadOnlySpan<long> loads)
        {
            DealGroups(loads);
            var slots = new int[_options.Slots];
            for (var node = 0; node < _nodes; node++)
                PlanNode(node, slots.AsSpan(node * _replicas.Length, _replicas.Length));
            return slots;
        }

        private void DealGroups(ReadOnlySpan<long> loads)
        {
            var groupSize = loads.Length / _groups;
            for (var g = 0; g < _groups; g++)
            {
                _groupWeights[g] = 0;
                foreach (var load in loads.Slice(g * groupSize, groupSize))
                    _groupWeights[g] += load;
            }
            _packing.Pack(_groupWeights, _nodes, _groupAt);
            for (var place = 0; place < loads.Length; place++)
            {
                _expertAt[place] = _groupAt[place / groupSize] * groupSize + place % groupSize;
                _weights[place] = loads[_expertAt[place]];
            }
        }

        private void PlanNode(int node, Span<int> slots)
        {
            var first = node * _copies.Length;
            ExpertReplication.Replicate(_weights.AsSpan(first, _copies.Length), _copies, _replicas, _perCopy);
            for (var s = 0; s < _replicas.Length; s++)
                _slotWeights[s] = _perCopy[_replicas[s]];
            _packing.Pack(_slotWeights, _options.Devices / _nodes, _slotAt);
            for (var place = 0; place < slots.Length; place++)
                slots[place] = _expertAt[first + _replicas[_slotAt[place]]];
        }
    }
}
