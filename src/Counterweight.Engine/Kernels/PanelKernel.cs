using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// What the instruction sets share. 16-bit values become fp32 in registers, as they are used; for integer codes, and for halves where there
/// are many rows, a pair of panels is widened once into a block that stays in the L1 or L2 cache. Both ways multiply the same fp32 weights
/// in the same order.
/// </summary>
internal abstract unsafe class PanelKernel(string name, CodeProduct codes) : MatMulKernel
{
    /// <summary>Panels that are widened together.</summary>
    private const int WidenedPanels = 2;

    /// <summary>Rows of results that go through a buffer where the last panel is wider than the matrix.</summary>
    private const int BufferedRows = 16;

    [ThreadStatic]
    private static AlignedBuffer? _widened; // [2][inputs][16], then [2][scales of a row][16]

    /// <inheritdoc/>
    public sealed override string Name => name;

    /// <summary>Rows up to which widening halves in registers is faster than widening ahead, by measurement.</summary>
    protected abstract int MaxHalfRowsInRegisters { get; }

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
        else if (weights.Codes is Precision.Fp32 or Precision.Bf16 || (weights.Codes == Precision.Fp16 && rows <= MaxHalfRowsInRegisters))
            MultiplyOutputs(weights.Codes, weights.Block.Slice(firstPanel, panelCount), target, outputs);
        else
            MultiplyWidened(weights, firstPanel, panelCount, target, outputs);
        GC.KeepAlive(weights);
    }

    /// <inheritdoc/>
    public sealed override ActivationFormat ActivationsFor(Precision weights) => codes.ActivationsFor(weights);

    /// <inheritdoc/>
    public sealed override void MultiplyQuantized(PackedMatrix weights, int firstPanel, int panelCount, byte** x, int rows, float* y, int yStride, void* after = null) =>
        codes.Multiply(weights, firstPanel, panelCount, x, rows, y, yStride, (byte*)after);

    /// <inheritdoc/>
    public sealed override void MultiplyPanels(
        Precision precision, void* panels, int panelCount, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride, void* next = null)
    {
        if (rows > 0 && panelCount > 0)
            MultiplyTiles(
                precision, new PanelBlock((byte*)panels, panelStride, null, 0, panelCount, inner, inner, (byte*)next), new RowBlock(x, xStride, y, yStride, rows));
    }

    /// <inheritdoc/>
    public sealed override void MultiplyRoundedPanels(void* panels, int panelCount, nint panelStride, int inner, byte** x, int rows, float* y, int yStride, void* next = null) =>
        codes.MultiplyPanels(new PanelBlock((byte*)panels, panelStride, null, 0, panelCount, inner, inner), x, rows, y, yStride, (byte*)next);

    /// <summary>All rows against all panels, at least one of each; whole panels of results.</summary>
    public abstract void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows);

    /// <summary>
    /// Writes panels as fp32, [panels][inputs][16]: code · scale, which is exact for every precision; scales are fp32 already. Not for stored formats.
    /// </summary>
    public abstract void Widen(Precision precision, in PanelBlock panels, float* widened);

    private void MultiplyWidened(PackedMatrix weights, int firstPanel, int panelCount, in RowBlock rows, int outputs)
    {
        var panelFloats = (nint)weights.Inputs * PanelWidth;
        var scaleFloats = weights.Scales.PerRow(weights.Inputs) * PanelWidth;
        var widened = Scratch.Reserve(ref _widened, WidenedPanels * (panelFloats + scaleFloats));
        for (var panel = 0; panel < panelCount; panel += WidenedPanels)
        {
            var pair = Math.Min(WidenedPanels, panelCount - panel);
            if (weights.Codes == Precision.Stored)
                for (var p = 0; p < pair; p++)
                    weights.Format!.DecodePanel(weights.Stored, firstPanel + panel + p, widened + p * panelFloats);
            else
                Widen(weights, weights.Block.Slice(firstPanel + panel, pair), widened, widened + WidenedPanels * panelFloats);
            var output = panel * PanelWidth;
            var block = PanelBlock.OfFloats(widened, panelFloats, pair, weights.Inputs);
            MultiplyOutputs(Precision.Fp32, block, rows.FromOutput(output), outputs - output);
        }
    }

    private void Widen(PackedMatrix weights, in PanelBlock panels, float* widened, float* scales)
    {
        var scaleFloats = weights.Scales.PerRow(weights.Inputs) * PanelWidth;
        Widen(weights.Codes, scaleFloats == 0 ? panels : panels.WithScales(weights.Scales.Widen(panels.Scales(0), panels.Count * scaleFloats, scales), scaleFloats), widened);
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
