using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// Loads to come, from windows so far: a sum in which every window counts less than the one after it. A factor of 1 is the long-term
/// estimate, 0 the short-term one, anything between an exponential moving average weighted by tokens.
/// </summary>
/// <param name="layers">MoE layers.</param>
/// <param name="experts">Logical experts of each.</param>
/// <param name="factor">What a window counts against the next one, 0 to 1.</param>
internal sealed class LoadEstimate(int layers, int experts, double factor) : IExpectedLoads
{
    private readonly double[] _tokens = new double[layers * experts];
    private readonly double[] _squares = new double[layers]; // Σ weight² · tokens

    /// <inheritdoc/>
    public ReadOnlySpan<double> this[int layer] => _tokens.AsSpan(layer * experts, experts);

    /// <summary>Adds a window.</summary>
    public void Observe(ExpertLoads window)
    {
        for (var l = 0; l < layers; l++)
        {
            double sum = 0;
            for (var e = 0; e < experts; e++)
            {
                _tokens[l * experts + e] = _tokens[l * experts + e] * factor + window[l][e];
                sum += window[l][e];
            }
            _squares[l] = _squares[l] * factor * factor + sum;
        }
    }

    /// <summary>Forgets everything but this window.</summary>
    public void Restart(ExpertLoads window)
    {
        Array.Clear(_tokens);
        Array.Clear(_squares);
        Observe(window);
    }

    /// <summary>Sum over the experts of a layer.</summary>
    public double Total(int layer)
    {
        double sum = 0;
        foreach (var tokens in this[layer])
            sum += tokens;
        return sum;
    }

    /// <summary>The number of equally weighted tokens that would vary as much: (Σ w n)² / Σ w² n.</summary>
    public double EffectiveTokens(int layer) => _squares[layer] > 0 ? Total(layer) * Total(layer) / _squares[layer] : 0;

    /// <summary>Everything but the last window, [layers, experts].</summary>
    public double[] Before(ExpertLoads window)
    {
        var before = new double[_tokens.Length];
        for (var l = 0; l < layers; l++)
            for (var e = 0; e < experts; e++)
                before[l * experts + e] = Math.Max(0, _tokens[l * experts + e] - window[l][e]);
        return before;
    }
}
