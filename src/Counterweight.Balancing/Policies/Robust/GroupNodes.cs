namespace Counterweight.Balancing.Policies.Robust;

/// <summary>Deals expert groups to nodes: equally many each, with the smallest mean over the traces of the busiest node.</summary>
internal static class GroupNodes
{
    /// <summary>The node of each expert, numbered as in the traffic.</summary>
    public static int[] Deal(LayerTraffic traffic, int groups, int nodes)
    {
        var groupOf = Array.ConvertAll(traffic.ModelExpert, expert => expert / (traffic.Experts / groups));
        var loads = new double[groups * traffic.Lanes];
        for (var e = 0; e < traffic.Experts; e++)
            for (var t = 0; t < traffic.Lanes; t++)
                loads[groupOf[e] * traffic.Lanes + t] += traffic.Load[e * traffic.Lanes + t];
        // Numbered by load, so that the result does not depend on the model's numbers.
        var order = Enumerable.Range(0, groups).OrderByDescending(g => Weighted(traffic, loads, g)).ThenBy(g => g).ToArray();
        var nodeOf = new int[groups];
        for (var i = 0; i < groups; i++)
            nodeOf[order[i]] = i / nodes % 2 == 0 ? i % nodes : nodes - 1 - i % nodes;
        while (ImproveBySwap(traffic, loads, order, nodeOf, nodes))
        {
        }
        return Array.ConvertAll(groupOf, group => nodeOf[group]);
    }

    private static bool ImproveBySwap(LayerTraffic traffic, double[] loads, int[] order, int[] nodeOf, int nodes)
    {
        var best = Busiest(traffic, loads, nodeOf, nodes) - 1e-9;
        var improved = false;
        for (var i = 0; i < order.Length; i++)
            for (var j = i + 1; j < order.Length; j++)
            {
                var (a, b) = (order[i], order[j]);
                if (nodeOf[a] == nodeOf[b])
                    continue;
                (nodeOf[a], nodeOf[b]) = (nodeOf[b], nodeOf[a]);
                var tried = Busiest(traffic, loads, nodeOf, nodes);
                if (tried < best)
                    (best, improved) = (tried - 1e-9, true);
                else
                    (nodeOf[a], nodeOf[b]) = (nodeOf[b], nodeOf[a]);
            }
        return improved;
    }

    private static double Busiest(LayerTraffic traffic, double[] loads, int[] nodeOf, int nodes)
    {
        double sum = 0;
        var nodeLoads = new double[nodes];
        for (var t = 0; t < traffic.Lanes; t++)
        {
            Array.Clear(nodeLoads);
            for (var g = 0; g < nodeOf.Length; g++)
                nodeLoads[nodeOf[g]] += loads[g * traffic.Lanes + t];
            sum += traffic.Weights[t] * nodeLoads.Max();
        }
        return sum;
    }

    private static double Weighted(LayerTraffic traffic, double[] loads, int group)
    {
        double sum = 0;
        for (var t = 0; t < traffic.Lanes; t++)
            sum += traffic.Weights[t] * loads[group * traffic.Lanes + t];
        return sum;
    }
}
