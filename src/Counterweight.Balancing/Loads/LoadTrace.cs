namespace Counterweight.Balancing.Loads;

/// <summary>The part of serving in which loads were recorded.</summary>
public enum LoadPhase
{
    /// <summary>Both, or unknown.</summary>
    Mixed,

    /// <summary>Prompt tokens.</summary>
    Prefill,

    /// <summary>Generated tokens.</summary>
    Decode,
}

/// <summary>Recorded traffic of one kind (a domain, a workload): a sequence of load windows of one phase.</summary>
public sealed class LoadTrace
{
    /// <summary>A named sequence of at least one window, all of one shape.</summary>
    /// <param name="name">What the traffic is, for example a file name without its ending.</param>
    /// <param name="windows">The windows in the order in which they were recorded.</param>
    /// <param name="phase">Where in serving they were recorded.</param>
    /// <param name="windowNames">A name for each window; null for 0, 1, 2, …</param>
    public LoadTrace(
        string name, IReadOnlyList<ExpertLoads> windows, LoadPhase phase = LoadPhase.Mixed, IReadOnlyList<string>? windowNames = null)
    {
        if (windowNames is not null && windowNames.Count != windows.Count)
            throw new ArgumentException($"{windowNames.Count} names for {windows.Count} windows", nameof(windowNames));
        Name = name;
        Phase = phase;
        Windows = windows;
        WindowNames = windowNames ?? [.. Enumerable.Range(0, windows.Count).Select(i => $"{i}")];
        Total = ExpertLoads.Sum(windows);
    }

    /// <summary>What the traffic is, for example a file name without its ending.</summary>
    public string Name { get; }

    /// <summary>Where in serving it was recorded.</summary>
    public LoadPhase Phase { get; }

    /// <summary>The windows in the order in which they were recorded.</summary>
    public IReadOnlyList<ExpertLoads> Windows { get; }

    /// <summary>A name for each window.</summary>
    public IReadOnlyList<string> WindowNames { get; }

    /// <summary>The sum of the windows.</summary>
    public ExpertLoads Total { get; }
}
