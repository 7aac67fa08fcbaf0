using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Streaming;

/// <summary>
/// Kinds of traffic that were seen: those that the first plan was made from, and those that ended since. What is coming is explained as a
/// mixture of them, which says more than the few tokens of one window do.
/// </summary>
internal sealed class TrafficKinds
{
    private const int MostLearned = 32;
    private const int Passes = 30;
    private const double Smoothing = 0.5; // tokens of every expert, so that no kind rules an expert out

    private readonly int _known;
    private readonly List<double[]> _shares = []; // of each kind, [layers, experts]

    /// <param name="layers">MoE layers.</param>
    /// <param name="experts">Logical experts of each.</param>
    /// <param name="known">Traffic that was recorded before.</param>
    public TrafficKinds(int layers, int experts, IReadOnlyList<LoadTrace> known)
    {
        (Layers, Experts) = (layers, experts);
        Add(new double[layers * experts]); // all experts alike
        foreach (var trace in known)
            Add([.. Enumerable.Range(0, layers).SelectMany(l => trace.Total[l].ToArray().Select(count => (double)count))]);
        _known = _shares.Count;
    }

    public int Layers { get; }

    public int Experts { get; }

    /// <summary>Remembers traffic that has ended.</summary>
    /// <param name="tokens">Tokens of each expert, [layers, experts].</param>
    public void Learn(double[] tokens)
    {
        if (_shares.Count == _known + MostLearned)
            _shares.RemoveAt(_known);
        Add(tokens);
    }

    /// <summary>The mixture that makes the estimate most likely, by expectation maximisation: share of each expert, [layers, experts].</summary>
    public double[] Explain(LoadEstimate estimate)
    {
        var weights = Enumerable.Repeat(1.0 / _shares.Count, _shares.Count).ToArray();
        var (mixture, next) = (new double[Layers * Experts], new double[weights.Length]);
        for (var pass = 0; ; pass++)
        {
            Array.Clear(mixture);
            for (var k = 0; k < weights.Length; k++)
                for (var i = 0; i < mixture.Length; i++)
                    mixture[i] += weights[k] * _shares[k][i];
            if (pass == Passes)
                return mixture;
            Array.Clear(next);
            double all = 0;
            for (var l = 0; l < Layers; l++)
                for (var e = 0; e < Experts; e++)
                {
                    var i = l * Experts + e;
                    var part = estimate[l][e] / mixture[i];
                    all += estimate[l][e];
                    for (var k = 0; k < next.Length; k++)
                        next[k] += part * weights[k] * _shares[k][i];
                }
            if (all == 0)
                return mixture;
            for (var k = 0; k < weights.Length; k++)
                weights[k] = next[k] / all;
        }
    }

    private void Add(double[] tokens)
    {
        var shares = new double[tokens.Length];
        for (var l = 0; l < Layers; l++)
        {
            var row = tokens.AsSpan(l * Experts, Experts);
            var sum = Smoothing * Experts;
            foreach (var count in row)
                sum += count;
            for (var e = 0; e < Experts; e++)
                shares[l * Experts + e] = (row[e] + Smoothing) / sum;
        }
        _shares.Add(shares);
    }
}
