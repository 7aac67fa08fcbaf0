namespace Counterweight.Balancing.Loads;

/// <summary>
/// A load window: the tokens routed to each logical expert of each MoE layer. A token counts once for each of its k experts;
/// padding never counts.
/// </summary>
public sealed class ExpertLoads
{
    private readonly long[] _tokens; // [Layers, Experts]

    /// <summary>An empty window for <paramref name="layers"/> MoE layers of <paramref name="experts"/> logical experts each.</summary>
    public ExpertLoads(int layers, int experts)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(experts);
        Layers = layers;
        Experts = experts;
        _tokens = new long[checked(layers * experts)];
    }

    /// <summary>Number of MoE layers; dense layers have no row.</summary>
    public int Layers { get; }

    /// <summary>Number of logical experts in each MoE layer.</summary>
    public int Experts { get; }

    /// <summary>The loads of MoE layer <paramref name="layer"/> (0-based, dense layers not counted), [Experts].</summary>
    public Span<long> this[int layer] => _tokens.AsSpan(layer * Experts, Experts);

    /// <summary>Adds another window of the same shape.</summary>
    public void Add(ExpertLoads other)
    {
        if (other.Layers != Layers || other.Experts != Experts)
            throw new ArgumentException($"loads of {other.Layers} x {other.Experts} cannot be added to {Layers} x {Experts}", nameof(other));
        for (var i = 0; i < _tokens.Length; i++)
            _tokens[i] = checked(_tokens[i] + other._tokens[i]);
    }

    /// <summary>The sum of windows of one shape.</summary>
    public static ExpertLoads Sum(IReadOnlyList<ExpertLoads> windows)
    {
        ArgumentOutOfRangeException.ThrowIfZero(windows.Count);
        var total = new ExpertLoads(windows[0].Layers, windows[0].Experts);
        foreach (var window in windows)
            total.Add(window);
        return total;
    }
}
