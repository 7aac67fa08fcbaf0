using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// Matrix products over packed weights, one subclass for each instruction set. For one variant every output element is summed in the
/// same order whatever the number of rows or panels of the call, so a token's result does not depend on its batch.
/// </summary>
public abstract unsafe class MatMulKernel
{
    /// <summary>Outputs that are interleaved in a panel.</summary>
    public const int PanelWidth = 16;

    /// <summary>The name for the force switch and for output, one of <see cref="MatMulKernelFactory.Available"/>.</summary>
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
    /// What <see cref="MultiplyQuantized"/> takes with such weights: int8 with int8 and int4, bfloat16 with bf16 where the machine multiplies it, and
    /// <see cref="ActivationFormat.Single"/> where only <see cref="Multiply"/> takes them. LLM.int8() has rules of its own.
    /// </summary>
    public ActivationFormat ActivationsFor(PackedMatrix weights) => ActivationsFor(weights.Codes);

    /// <summary>The same for panels of such codes.</summary>
    public abstract ActivationFormat ActivationsFor(Precision codes);

    /// <summary>Bytes of a row that <see cref="QuantizeRow"/> makes.</summary>
    public static int QuantizedRowBytes(ActivationFormat format, int inputs) => format switch
    {
        ActivationFormat.Int8 => QuantizedRows.RowBytes(inputs),
        ActivationFormat.BFloat16 => RoundedRows.RowBytes(inputs),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "not quantized"),
    };

    /// <summary>A row of activations as int8 codes with an fp32 scale for each 32 of them, the absolute maximum over 127, or as the nearest bfloat16 values.</summary>
    /// <param name="format">Which of the two.</param>
    /// <param name="x">[inputs].</param>
    /// <param name="inputs">Number of inputs.</param>
    /// <param name="row">Receives <see cref="QuantizedRowBytes"/> bytes, 4-byte aligned.</param>
    public static void QuantizeRow(ActivationFormat format, float* x, int inputs, byte* row)
    {
        if (format == ActivationFormat.Int8)
            QuantizedRows.Quantize(x, inputs, row);
        else
            RoundedRows.Round(x, inputs, row);
    }

    /// <summary>
    /// <see cref="Multiply"/> over quantized activations. Integers: y[r, o] = Σ over groups g of 32 inputs of float(Σᵢ codeᵢ(x)·codeᵢ(w)) · scale_g(x) · scale_g(w),
    /// and all variants give the same bits. bf16: y[r, o] = Σᵢ x[r, i]·w[o, i] in fp32, in the order of the inputs, rounded as the machine's instruction does.
    /// </summary>
    /// <param name="weights">Packed weights [outputs, inputs] that <see cref="ActivationsFor(PackedMatrix)"/> names a format for, in which the rows are.</param>
    /// <param name="firstPanel">First panel to compute.</param>
    /// <param name="panelCount">Panels to compute.</param>
    /// <param name="x">Rows made by <see cref="QuantizeRow"/>, wherever they lie.</param>
    /// <param name="rows">Number of rows, 0 or more.</param>
    /// <param name="y">Output [rows, outputs] with <paramref name="yStride"/> floats from row to row; points at output 0.</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    /// <param name="after">Codes that will be read after these panels (<see cref="PackedMatrix.CodesOf"/>), to be fetched meanwhile; null if that is not known.</param>
    public abstract void MultiplyQuantized(PackedMatrix weights, int firstPanel, int panelCount, byte** x, int rows, float* y, int yStride, void* after = null);

    /// <summary>
    /// <see cref="Multiply"/> over panels that the caller keeps (keys and values): y[r, p·16 + j] = Σᵢ x[r, i]·panels[p][i, j].
    /// Writes whole panels, so y has room for panelCount · 16 floats a row.
    /// </summary>
    /// <param name="precision">fp32: [inner][16] floats; bf16: [(inner + 1) / 2][16][2] values.</param>
    /// <param name="panels">First panel, 64-byte aligned.</param>
    /// <param name="panelCount">Number of panels.</param>
    /// <param name="panelStride">Bytes from one panel to the next, a multiple of 64.</param>
    /// <param name="inner">Length of the sums.</param>
    /// <param name="x">Activations [rows, inner].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="xStride">Floats from one row of x to the next.</param>
    /// <param name="y">Output [rows, panelCount · 16].</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    /// <param name="next">Panels that will be read next, laid out alike, to be fetched meanwhile; null if that is not known.</param>
    public abstract void MultiplyPanels(
        Precision precision, void* panels, int panelCount, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride, void* next = null);

    /// <summary>The same over bf16 panels and rows that <see cref="QuantizeRow"/> has rounded, where <see cref="ActivationsFor(Precision)"/> says that the machine multiplies them.</summary>
    /// <param name="panels">First panel, [inner / 2][16][2] values, 64-byte aligned.</param>
    /// <param name="panelCount">Number of panels.</param>
    /// <param name="panelStride">Bytes from one panel to the next, a multiple of 64.</param>
    /// <param name="inner">Length of the sums, a multiple of 32.</param>
    /// <param name="x">The rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="y">Output [rows, panelCount · 16].</param>
    /// <param name="yStride">Floats from one row of y to the next.</param>
    /// <param name="next">As for <see cref="MultiplyPanels"/>.</param>
    public abstract void MultiplyRoundedPanels(void* panels, int panelCount, nint panelStride, int inner, byte** x, int rows, float* y, int yStride, void* next = null);
}
