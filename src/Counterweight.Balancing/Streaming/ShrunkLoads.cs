namespace Counterweight.Balancing.Streaming;

/// <summary>
/// An estimate drawn towards what known kinds of traffic explain of it, the more the fewer tokens it rests on (empirical Bayes: the
/// weight of the estimate is the share of its difference from the explanation that chance does not make).
/// </summary>
internal sealed class ShrunkLoads : IExpectedLoads
{
    private readonly int _experts;
    private readonly double[] _shares; // [layers, experts]
    private readonly double[] _tokens; // [layers]

    /// <param name="estimate">The estimate.</param>
    /// <param name="explained">What known kinds explain of it: share of each expert, [layers, experts].</param>
    /// <param name="layers">MoE layers.</param>
    /// <param name="experts">Logical experts.</param>
    /// <param name="dispersion">Variance of windows over that of independent tokens.</param>
    public ShrunkLoads(LoadEstimate estimate, double[] explained, int layers, int experts, double dispersion)
    {
        (_experts, _shares, _tokens) = (experts, explained, new double[layers]);
        var (squares, noise, spread) = (0.0, 0.0, 0.0);
        for (var l = 0; l < layers; l++)
        {
            var (total, effective) = (estimate.Total(l), estimate.EffectiveTokens(l));
            if (total == 0)
                continue;
            for (var e = 0; e < experts; e++)
            {
                var share = explained[l * experts + e];
                var difference = estimate[l][e] / total - share;
                squares += difference * difference;
                noise += share * (1 - share) * dispersion / effective;
                spread += share * (1 - share);
            }
        }
        var between = Math.Max(0, squares - noise) / spread;
        for (var l = 0; l < layers; l++)
            Mix(l, estimate, between, dispersion);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<double> this[int layer] => _shares.AsSpan(layer * _experts, _experts);

    /// <inheritdoc/>
    public double EffectiveTokens(int layer) => _tokens[layer];

    private void Mix(int layer, LoadEstimate estimate, double between, double dispersion)
    {
        var (total, effective) = (estimate.Total(layer), estimate.EffectiveTokens(layer));
        if (total == 0)
            return;
        var weight = between / (between + dispersion / effective);
        for (var e = 0; e < _experts; e++)
        {
            ref var share = ref _shares[layer * _experts + e];
            share += weight * (estimate[layer][e] / total - share);
        }
        _tokens[layer] = weight > 0 ? effective / weight : double.PositiveInfinity;
    }
}
