namespace Counterweight.Balancing.Loads;

/// <summary>Recorded traffic of one kind (a domain, a workload, a phase): a sequence of load windows.</summary>
public sealed class LoadTrace
{
    /// <summary>A named sequence of at least one window, all of one shape.</summary>
    public LoadTrace(string name, IReadOnlyList<ExpertLoads> windows)
    {
        Name = name;
        Windows = windows;
        Total = ExpertLoads.Sum(windows);
    }

    /// <summary>What the traffic is, for example a file name without its ending.</summary>
    public string Name { get; }

    /// <summary>The windows in the order in which they were recorded.</summary>
    public IReadOnlyList<ExpertLoads> Windows { get; }

    /// <summary>The sum of the windows.</summary>
    public ExpertLoads Total { get; }
}
