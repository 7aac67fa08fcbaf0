using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// What the instruction sets share: two panels at a time are widened to fp32 in a block that stays in the L1 or L2 cache, then every tile
/// of rows is multiplied with them. Widening is paid once for all rows of the call.
/// </summary>
internal abstract unsafe class PanelKernel : MatMulKernel
{
    [ThreadStatic]
    private static AlignedBuffer? _widened; // [2][inputs][16]

    /// <inheritdoc/>
    public sealed override void Multiply(PackedMatrix weights, int firstPanel, int panelCount, float* x, int rows, int xStride, float* y, int yStride)
    {
        if (weights.Precision == Precision.LlmInt8)
        {
            LlmInt8Product.Multiply(weights, firstPanel, panelCount, x, rows, xStride, y, yStride);
            return;
        }
        var panelFloats = (nint)weights.Inputs * PanelWidth;
        var widened = Reserve(2 * panelFloats);
        for (var panel = firstPanel; panel < firstPanel + panelCount; panel += 2)
        {
            var pair = Math.Min(2, firstPanel + panelCount - panel);
            for (var i = 0; i < pair; i++)
                Widen(weights, panel + i, widened + i * panelFloats);
            MultiplyPair(widened, pair, panelFloats, weights.Inputs, x, rows, xStride, y + panel * PanelWidth, yStride, Math.Min(pair * PanelWidth, weights.Outputs - panel * PanelWidth));
        }
    }

    /// <inheritdoc/>
    public sealed override void MultiplyPanels(float* panels, int panelCount, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride)
    {
        for (var panel = 0; panel < panelCount; panel += 2)
        {
            var pair = Math.Min(2, panelCount - panel);
            MultiplyPair(panels + panel * panelStride, pair, panelStride, inner, x, rows, xStride, y + panel * PanelWidth, yStride, pair * PanelWidth);
        }
    }

    /// <summary>Writes a panel as fp32, [inputs][16]: exactly code · scale, rounded once.</summary>
    protected abstract void Widen(PackedMatrix weights, int panel, float* widened);

    /// <summary>All rows against one or two fp32 panels; whole panels only.</summary>
    protected abstract void MultiplyTile(float* panels, int pair, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride);

    private void MultiplyPair(
        float* panels, int pair, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride, int outputs)
    {
        if (outputs == pair * PanelWidth)
        {
            MultiplyTile(panels, pair, panelStride, inner, x, rows, xStride, y, yStride);
            return;
        }
        // The last panel of a matrix may be wider than y: go through a row of their own width.
        var row = stackalloc float[2 * PanelWidth];
        for (var r = 0; r < rows; r++)
        {
            MultiplyTile(panels, pair, panelStride, inner, x + (long)r * xStride, 1, xStride, row, 2 * PanelWidth);
            new ReadOnlySpan<float>(row, outputs).CopyTo(new Span<float>(y + (long)r * yStride, outputs));
        }
    }

    private static float* Reserve(long floats)
    {
        if (_widened is null || _widened.Bytes < floats * sizeof(float))
        {
            _widened?.Dispose();
            _widened = AlignedBuffer.OfFloats(floats);
        }
        return _widened.Floats;
    }
}
