using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// A weight matrix in the layout that every kernel reads: panels of 16 outputs, the inputs of a panel one after another, in the
/// precision's own codes. Nothing is widened; <see cref="Bytes"/> is what the process really holds.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private readonly AlignedBuffer _codes;   // [panels][inputs][16] in the precision's code size; int4: [panels][ceil(inputs / 2)][16] bytes, even input in the low nibble
    private readonly AlignedBuffer? _scales; // int8: bf16 [panels][16]; llm.int8: fp32 [panels][16]; int4: bf16 [panels][groups][16]

    private PackedMatrix(Precision precision, int outputs, int inputs, AlignedBuffer codes, AlignedBuffer? scales)
    {
        Precision = precision;
        Outputs = outputs;
        Inputs = inputs;
        _codes = codes;
        _scales = scales;
    }

    /// <summary>How the codes are to be read.</summary>
    public Precision Precision { get; }

    /// <summary>Rows of the weight matrix.</summary>
    public int Outputs { get; }

    /// <summary>Columns of the weight matrix.</summary>
    public int Inputs { get; }

    /// <summary>Panels of 16 outputs, the last one padded with zeros.</summary>
    public int Panels => (Outputs + MatMulKernel.PanelWidth - 1) / MatMulKernel.PanelWidth;

    /// <summary>Bytes held: codes, scales and padding.</summary>
    public long Bytes => _codes.Bytes + (_scales?.Bytes ?? 0);

    /// <summary>First code of a panel.</summary>
    public byte* Codes(int panel) => (byte*)_codes.Pointer + panel * (_codes.Bytes / Panels);

    /// <summary>First scale of a panel; only for precisions with scales.</summary>
    public byte* Scales(int panel) => (byte*)_scales!.Pointer + panel * (_scales.Bytes / Panels);

    /// <summary>Frees the native memory.</summary>
    public void Dispose()
    {
        _codes.Dispose();
        _scales?.Dispose();
    }
}
