namespace Counterweight.Balancing.Policies.Eplb;

/// <summary>The cluster that EPLB plans for.</summary>
/// <param name="Slots">Physical experts of each layer: a multiple of the devices, at least the logical experts.</param>
/// <param name="Devices">Number of devices, a multiple of the nodes.</param>
/// <param name="Nodes">Number of nodes. Default 1.</param>
/// <param name="Groups">Expert groups of the model's router (<c>n_group</c>). Default 1.</param>
public sealed record EplbOptions(int Slots, int Devices, int Nodes = 1, int Groups = 1)
{
    /// <summary>Whether whole groups are kept on one node: if the groups can be dealt evenly to more than one node.</summary>
    public bool IsHierarchical => Nodes > 1 && Groups % Nodes == 0;

    /// <summary>Checks the options against the number of logical experts.</summary>
    /// <exception cref="InvalidInputException">A number is out of range or does not divide: says which.</exception>
    public void Check(int experts)
    {
        Positive(Slots, "slots");
        Positive(Devices, "devices");
        Positive(Nodes, "nodes");
        Positive(Groups, "groups");
        if (Slots < experts || Slots % Devices != 0)
            throw new InvalidInputException("slots", $"{Slots}", $"a multiple of the {Devices} devices, at least the {experts} experts");
        if (!IsHierarchical)
            return;
        if (Devices % Nodes != 0)
            throw new InvalidInputException("devices", $"{Devices}", $"a multiple of the {Nodes} nodes");
        if (experts % Groups != 0)
            throw new InvalidInputException("groups", $"{Groups}", $"a divisor of the {experts} experts");
    }

    private static void Positive(int value, string name)
    {
        if (value < 1)
            throw new InvalidInputException(name, $"{value}", "a number above 0");
    }
}
