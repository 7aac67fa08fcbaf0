namespace Counterweight.Balancing.Policies.Robust;

/// <summary>Where experts may stand and what moving them costs. Experts are numbered as in the traffic.</summary>
/// <param name="nodeOf">The node that an expert is bound to, [experts], or null if it may stand anywhere.</param>
/// <param name="devicesPerNode">Devices of each node.</param>
/// <param name="served">Whether a device serves an expert now, [devices, experts], or null without a previous plan.</param>
/// <param name="experts">Number of experts.</param>
/// <param name="moveCost">What an expert on a device that does not serve it now costs, in device imbalance.</param>
internal sealed class MoveLimits(int[]? nodeOf, int devicesPerNode, bool[]? served, int experts, float moveCost)
{
    public bool MayStand(int expert, int device) => nodeOf is null || nodeOf[expert] == device / devicesPerNode;

    /// <summary>0 where the device serves the expert already.</summary>
    public float CostOf(int expert, int device) => served is null || served[device * experts + expert] ? 0 : moveCost;

    /// <summary>The change of the cost of moves if two experts changed devices.</summary>
    public float SwapCost(int x, int p, int y, int q) =>
        served is null ? 0 : CostOf(x, q) + CostOf(y, p) - CostOf(x, p) - CostOf(y, q);

    /// <summary>The cost of all moves.</summary>
    public double Total(ReadOnlySpan<int> expertOf, ReadOnlySpan<int> deviceOf)
    {
        double sum = 0;
        for (var s = 0; s < expertOf.Length; s++)
            sum += CostOf(expertOf[s], deviceOf[s]);
        return sum;
    }
}
