using Counterweight.Engine.Experts;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Calibration;

/// <summary>
/// What every expert was given: gate-weighted second moments of its inputs (the Hessians that error compensation needs), plain column
/// norms (Wanda) and router weights. Collected while calibration text runs with one slot for each expert.
/// </summary>
public sealed unsafe class ActivationStatistics(MatMulKernel kernel, int layers, int experts, int hidden, int intermediate) : IExpertObserver
{
    private readonly ExpertStatistics[] _experts = [.. Enumerable.Range(0, layers * experts).Select(_ => new ExpertStatistics(hidden, intermediate))];

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
        using var scratch = new MomentScratch(Math.Max(hidden, intermediate), rows.Count);
        this[layer, expert].Add(kernel, rows, scratch);
    }
}

/// <summary>The moments of one expert's inputs.</summary>
public sealed unsafe class ExpertStatistics(int hidden, int intermediate)
{
    private readonly List<float> _gates = [];

    /// <summary>Σ gate²·x·xᵀ over the expert's tokens, [hidden, hidden].</summary>
    public float[] InputMoment { get; } = new float[hidden * hidden];

    /// <summary>The same of what the down projection is given, [intermediate, intermediate].</summary>
    public float[] HiddenMoment { get; } = new float[intermediate * intermediate];

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

    internal void Add(MatMulKernel kernel, in ExpertRows rows, MomentScratch scratch)
    {
        var gates = rows.GateSpan;
        _gates.AddRange(gates);
        scratch.AddMoment(kernel, rows.InputRows, gates, hidden, InputMoment, InputSquares);
        scratch.AddMoment(kernel, rows.HiddenRows, gates, intermediate, HiddenMoment, HiddenSquares);
    }
}

/// <summary>Memory for Xᵀ·X as a product over panels: the rows once transposed, once as panels of 16 columns.</summary>
internal sealed unsafe class MomentScratch(int width, int rows) : IDisposable
{
    private const int PanelWidth = MatMulKernel.PanelWidth;

    private readonly int _panels = (width + PanelWidth - 1) / PanelWidth;
    private readonly AlignedBuffer _panelRows = AlignedBuffer.OfFloats((long)(width + PanelWidth) * rows);   // [panels][rows][16]
    private readonly AlignedBuffer _columns = AlignedBuffer.OfFloats((long)width * rows);                    // [width][rows]
    private readonly AlignedBuffer _product = AlignedBuffer.OfFloats((long)width * (width + PanelWidth));    // [width, panels · 16]

    /// <summary>moment += Σ gate²·x·xᵀ and squares += Σ x² over rows of x [rows, columns].</summary>
    public void AddMoment(MatMulKernel kernel, float* x, ReadOnlySpan<float> gates, int columns, float[] moment, double[] squares)
    {
        var panels = (columns + PanelWidth - 1) / PanelWidth;
        var count = gates.Length;
        for (var r = 0; r < count; r++)
            for (var c = 0; c < columns; c++)
            {
                var value = x[r * columns + c];
                var weighted = value * gates[r];
                squares[c] += (double)value * value;
                _columns.Floats[c * count + r] = weighted;
                _panelRows.Floats[(c / PanelWidth * count + r) * PanelWidth + c % PanelWidth] = weighted;
            }
        kernel.MultiplyPanels(_panelRows.Floats, panels, (nint)count * PanelWidth, count, _columns.Floats, columns, count, _product.Floats, _panels * PanelWidth);
        for (var i = 0; i < columns; i++)
        {
            var product = new ReadOnlySpan<float>(_product.Floats + (long)i * _panels * PanelWidth, columns);
            System.Numerics.Tensors.TensorPrimitives.Add(moment.AsSpan(i * columns, columns), product, moment.AsSpan(i * columns, columns));
        }
    }

    public void Dispose()
    {
        _panelRows.Dispose();
        _columns.Dispose();
        _product.Dispose();
    }
}
