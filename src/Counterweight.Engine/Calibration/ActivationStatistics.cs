using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Calibration;

/// <summary>
/// What every expert was given: gate-weighted second moments of its inputs (the Hessians that error compensation needs), plain column
/// norms (Wanda) and router weights. Collected while calibration text runs with one slot for each expert.
/// </summary>
/// <param name="kernel">Matrix products.</param>
/// <param name="layers">MoE layers.</param>
/// <param name="experts">Logical experts of a layer.</param>
/// <param name="hidden">Width of an expert's input.</param>
/// <param name="intermediate">Width of what the down projection of (layer, expert) is given.</param>
/// <param name="moments">Whether the second moments are wanted: they are most of the memory and of the time.</param>
public sealed class ActivationStatistics(MatMulKernel kernel, int layers, int experts, int hidden, Func<int, int, int> intermediate, bool moments = true)
    : IExpertObserver
{
    private readonly ExpertStatistics[] _experts = [.. Enumerable.Range(0, layers * experts).Select(i => new ExpertStatistics(hidden, intermediate(i / experts, i % experts), moments))];

    /// <summary>What one expert was given.</summary>
    public ExpertStatistics this[int layer, int expert] => _experts[layer * experts + expert];

    /// <summary>Sum of squares of each input column of a layer, every token counted once, [hidden].</summary>
    public double[] LayerInputSquares(int layer, int topK)
    {
        var squares = new double[hidden];
        for (var e = 0; e < experts; e++)
            for (var i = 0; i < hidden; i++)
                squares[i] += this[layer, e].InputSquares[i] / topK;
        return squares;
    }

    void IExpertObserver.Observe(int layer, int expert, in ExpertRows rows)
    {
        this[layer, expert].Add(kernel, rows);
    }
}

/// <summary>The moments of one expert's inputs.</summary>
public sealed unsafe class ExpertStatistics(int hidden, int intermediate, bool moments)
{
    private readonly List<float> _gates = [];

    /// <summary>Σ gate²·x·xᵀ over the expert's tokens, [hidden, hidden]; empty where moments are not wanted any more.</summary>
    public float[] InputMoment { get; private set; } = moments ? new float[hidden * hidden] : [];

    /// <summary>The same of what the down projection is given, [intermediate, intermediate].</summary>
    public float[] HiddenMoment { get; private set; } = moments ? new float[intermediate * intermediate] : [];

    /// <summary>Σ x² by input column, [hidden].</summary>
    public double[] InputSquares { get; } = new double[hidden];

    /// <summary>Σ h² by column of the down projection's input, [intermediate].</summary>
    public double[] HiddenSquares { get; } = new double[intermediate];

    /// <summary>Router weights of the expert's tokens.</summary>
    public IReadOnlyList<float> Gates => _gates;

    /// <summary>Share of Σ gate² that the top i/8 tokens hold, i = 0..8.</summary>
    public double[] GateShare()
    {
        var squares = _gates.Select(gate => (double)gate * gate).OrderDescending().ToArray();
        var total = squares.Sum();
        var share = new double[9];
        for (var i = 0; i <= 8; i++)
            share[i] = total > 0 ? squares.Take((int)Math.Round(squares.Length * i / 8.0)).Sum() / total : i / 8.0;
        return share;
    }

    internal void Add(MatMulKernel kernel, in ExpertRows rows)
    {
        var gates = rows.GateSpan;
        _gates.AddRange(gates);
        SecondMoments.AddSquares(rows.InputRows, rows.Count, hidden, InputSquares);
        SecondMoments.AddSquares(rows.HiddenRows, rows.Count, intermediate, HiddenSquares);
        if (InputMoment.Length == 0)
            return;
        SecondMoments.Add(kernel, rows.InputRows, gates, hidden, InputMoment);
        SecondMoments.Add(kernel, rows.HiddenRows, gates, intermediate, HiddenMoment);
    }

    /// <summary>Frees the moments once quantization has used them.</summary>
    internal void ForgetMoments() => InputMoment = HiddenMoment = [];
}
