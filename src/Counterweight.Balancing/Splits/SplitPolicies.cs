namespace Counterweight.Balancing.Splits;

/// <summary>The split policies by name.</summary>
public static class SplitPolicies
{
    /// <summary>
    /// <c>even</c>: equal quotas, tokens in order. <c>by-gate</c>: equal quotas, the largest gate weights go to the best precision.
    /// <c>least-loaded</c>: the smallest possible busiest device of the batch. <c>least-loaded-by-gate</c>: the same quotas, filled by
    /// gate weight.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } = ["even", "by-gate", "least-loaded", "least-loaded-by-gate"];

    /// <summary>A new split policy. It may hold scratch memory: use one for each thread.</summary>
    /// <exception cref="InvalidInputException">There is none of that name.</exception>
    public static ISplitPolicy Create(string name) => name switch
    {
        "even" => new EvenSplit(ordersByGate: false),
        "by-gate" => new EvenSplit(ordersByGate: true),
        "least-loaded" => new LeastLoadedSplit(ordersByGate: false),
        "least-loaded-by-gate" => new LeastLoadedSplit(ordersByGate: true),
        _ => throw new InvalidInputException("split policy", $"\"{name}\"", "one of " + string.Join(", ", Names)),
    };
}
