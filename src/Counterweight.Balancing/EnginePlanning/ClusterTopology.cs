namespace Counterweight.Balancing.EnginePlanning;

/// <summary>How devices are connected.</summary>
/// <param name="Devices">Number of devices.</param>
/// <param name="DevicesPerNode">Devices that share a fast link; a divisor of the devices.</param>
public sealed record ClusterTopology(int Devices, int DevicesPerNode)
{
    /// <summary>The node of a device.</summary>
    public int NodeOf(int device) => device / DevicesPerNode;

    /// <summary>Number of nodes.</summary>
    public int Nodes => Devices / DevicesPerNode;

    /// <summary>Checks the numbers.</summary>
    /// <exception cref="InvalidInputException">They do not divide.</exception>
    public void Check()
    {
        if (Devices < 1 || DevicesPerNode < 1 || Devices % DevicesPerNode != 0)
            throw new InvalidInputException("devices per node", $"{DevicesPerNode}", $"a divisor of the {Devices} devices");
    }
}
