namespace Counterweight.Balancing.Plans;

/// <summary>The ranges of plans, loads and requests.</summary>
public static class PlanLimits
{
    /// <summary>Most devices of a plan.</summary>
    public const int MaxDevices = 1024;

    /// <summary>Most logical experts of a layer.</summary>
    public const int MaxExperts = 65536;

    /// <summary>Highest layer number.</summary>
    public const int MaxLayer = 65535;

    /// <summary>Most slots of a layer.</summary>
    public const int MaxSlots = 1 << 20;

    /// <summary>Smallest budget, as a ratio to the original expert bytes.</summary>
    public const double MinBudget = 0.1;

    /// <summary>Largest budget, as a ratio to the original expert bytes.</summary>
    public const double MaxBudget = 16;
}
