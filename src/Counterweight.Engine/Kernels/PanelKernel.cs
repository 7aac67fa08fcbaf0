using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// What the instruction sets share. For few rows codes become fp32 in registers, as they are used; for many rows a pair of panels is
/// widened once into a block that stays in the L1 or L2 cache. Both ways multiply the same fp32 weights in the same order.
/// </summary>
internal abstract unsafe class PanelKernel : MatMulKernel
{
    /// <summary>Panels that are widened together.</summary>
    private const int WidenedPanels = 2;

    /// <summary>Rows of results that go through a buffer where the last panel is wider than the matrix.</summary>
    private const int BufferedRows = 16;

    [ThreadStatic]
    private static AlignedBuffer? _widened; // [2][inputs][16]

    /// <summary>Rows up to which widening in registers is faster than widening ahead, by measurement.</summary>
    protected abstract int MaxRowsInRegisters { get; }

    /// <inheritdoc/>
    public sealed override void Multiply(
        PackedMatrix weights, int firstPanel, int panelCount, float* x, int rows, int xStride, float* y, int yStride)
    {
        if (rows == 0 || panelCount == 0)
            return;
        var target = new RowBlock(x, xStride, y + (nint)firstPanel * PanelWidth, yStride, rows);
        var outputs = Math.Min(panelCount * PanelWidth, weights.Outputs - firstPanel * PanelWidth);
        if (weights.Precision == Precision.LlmInt8)
            LlmInt8Product.Multiply(this, weights.Block.Slice(firstPanel, panelCount), target, outputs);
        else if (weights.Precision == Precision.Fp32 || (rows <= MaxRowsInRegisters && weights.Precision != Precision.Stored))
            MultiplyOutputs(weights.Precision, weights.Block.Slice(firstPanel, panelCount), target, outputs);
        else
            MultiplyWidened(weights, firstPanel, panelCount, target, outputs);
        GC.KeepAlive(weights);
    }

    /// <inheritdoc/>
    public sealed override void MultiplyPanels(
        float* panels, int panelCount, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride)
    {
        if (rows > 0 && panelCount > 0)
            MultiplyTiles(
                Precision.Fp32, PanelBlock.OfFloats(panels, panelStride, panelCount, inner), new RowBlock(x, xStride, y, yStride, rows));
    }

    /// <summary>All rows against all panels, at least one of each; whole panels of results.</summary>
    public abstract void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows);

    /// <summary>
    /// Writes panels as fp32, [panels][inputs][16]: code · scale, which is exact for every precision; for llm.int8 the codes alone. Not for stored formats.
    /// </summary>
    public abstract void Widen(Precision precision, in PanelBlock panels, float* widened);

    private void MultiplyWidened(PackedMatrix weights, int firstPanel, int panelCount, in RowBlock rows, int outputs)
    {
        var panelFloats = (nint)weights.Inputs * PanelWidth;
        var widened = Scratch.Reserve(ref _widened, WidenedPanels * panelFloats);
        for (var panel = 0; panel < panelCount; panel += WidenedPanels)
        {
            var pair = Math.Min(WidenedPanels, panelCount - panel);
            if (weights.Format is { } format)
                for (var p = 0; p < pair; p++)
                    format.DecodePanel(weights.Stored, firstPanel + panel + p, widened + p * panelFloats);
            else
                Widen(weights.Precision, weights.Block.Slice(firstPanel + panel, pair), widened);
            var output = panel * PanelWidth;
            var block = PanelBlock.OfFloats(widened, panelFloats, pair, weights.Inputs);
            MultiplyOutputs(Precision.Fp32, block, rows.FromOutput(output), outputs - output);
        }
    }

    /// <summary>Writes no more than <paramref name="outputs"/> results a row, though the last panel may be wider.</summary>
    private void MultiplyOutputs(Precision precision, in PanelBlock panels, in RowBlock rows, int outputs)
    {
        var whole = Math.Min(panels.Count, outputs / PanelWidth);
        if (whole > 0)
            MultiplyTiles(precision, panels.Slice(0, whole), rows);
        if (whole == panels.Count)
            return;
        var last = panels.Slice(whole, 1);
        var begin = whole * PanelWidth;
        var width = outputs - begin;
        var buffer = stackalloc float[BufferedRows * PanelWidth];
        for (var r = 0; r < rows.Count; r += BufferedRows)
        {
            var count = Math.Min(BufferedRows, rows.Count - r);
            MultiplyTiles(precision, last, rows.Into(buffer, PanelWidth, r, count));
            for (var i = 0; i < count; i++)
                new ReadOnlySpan<float>(buffer + i * PanelWidth, width).CopyTo(new Span<float>(rows.Y(r + i) + begin, width));
        }
    }
}
