namespace Counterweight.Engine.Kernels;

/// <summary>
/// Matrix products over packed weights, one subclass for each instruction set. For one variant every output element is summed in the
/// same order whatever the number of rows or panels of the call, so a token's result does not depend on its batch.
/// </summary>
public abstract unsafe class MatMulKernel
{
    /// <summary>Inputs that share an int4 scale.</summary>
    protected const int GroupSize = Quantization.QuantizedMatrix.GroupSize;

    /// <summary>Outputs that are interleaved in a panel.</summary>
    public const int PanelWidth = 16;

    /// <summary>The name for the force switch and for output: <c>portable</c>, <c>avx2</c>, <c>avx512</c>.</summary>
    public abstract string Name { get; }

    /// <summary>y[r, o] = Σᵢ x[r, i]·w[o, i] for all rows and the outputs o of the panels [firstPanel, firstPanel + panelCount).</summary>
    /// <param name="weights">Packed weights [outputs, inputs].</param>
    /// <param name="firstPanel">First panel to compute; a panel is 16 outputs.</param>
    /// <param name="panelCount">Panels to compute; the last panel of the matrix writes only outputs that exist.</param>
    /// <param name="x">Activations [rows, inputs] with <paramref name="xStride"/> floats from row to row.</param>
    /// <param name="rows">Number of rows, 0 or more.</param>
    /// <param name="xStride">Floats from one row of x to the next.</param>
    /// <param name="y">Output [rows, outputs] with <paramref name="yStride"/> floats from row to row; points at output 0.</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    public abstract void Multiply(
        PackedMatrix weights, int firstPanel, int panelCount, float* x, int rows, int xStride, float* y, int yStride);

    /// <summary>
    /// The same over fp32 panels that the caller keeps (keys and values): y[r, p·16 + j] = Σᵢ x[r, i]·panels[p][i, j].
    /// Writes whole panels, so y has room for panelCount · 16 floats a row.
    /// </summary>
    /// <param name="panels">First panel: [inner][16] floats, 64-byte aligned.</param>
    /// <param name="panelCount">Number of panels.</param>
    /// <param name="panelStride">Floats from one panel to the next, a multiple of 16.</param>
    /// <param name="inner">Length of the sums.</param>
    /// <param name="x">Activations [rows, inner].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="xStride">Floats from one row of x to the next.</param>
    /// <param name="y">Output [rows, panelCount · 16].</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    public abstract void MultiplyPanels(
        float* panels, int panelCount, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride);
}
