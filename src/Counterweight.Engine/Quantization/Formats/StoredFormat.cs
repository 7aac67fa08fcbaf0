namespace Counterweight.Engine.Quantization.Formats;

/// <summary>The bytes of a matrix [Outputs, Inputs] in a <see cref="StoredFormat"/>; not necessarily aligned.</summary>
/// <param name="pointer">The first byte.</param>
/// <param name="outputs">Rows.</param>
/// <param name="inputs">Columns.</param>
public readonly unsafe struct StoredCodes(byte* pointer, int outputs, int inputs)
{
    /// <summary>Rows.</summary>
    public int Outputs => outputs;

    /// <summary>Columns.</summary>
    public int Inputs => inputs;

    /// <summary>The first byte.</summary>
    public byte* Pointer => pointer;
}

/// <summary>
/// How a checkpoint's own codes become fp32 weights. A format holds all bytes of a matrix, scales and zero points included, in one piece of <see cref="Bytes"/>;
/// what is decoded is what the format's own library decodes, bit for bit. Instances hold no memory and may be used by several threads.
/// </summary>
public abstract unsafe class StoredFormat
{
    /// <summary>Outputs of a panel.</summary>
    protected const int PanelWidth = Kernels.MatMulKernel.PanelWidth;

    /// <summary>Says everything that <see cref="StoredFormats.Parse"/> needs to make the format again; no spaces.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes of a matrix of that shape.</summary>
    public abstract long Bytes(int outputs, int inputs);

    /// <summary>Writes the rows [16 · panel, 16 · panel + 16) as a panel [inputs][16]; rows that the matrix lacks as zeros.</summary>
    public abstract void DecodePanel(in StoredCodes codes, int panel, float* widened);

    /// <summary>Writes one row, [inputs].</summary>
    public abstract void DecodeRow(in StoredCodes codes, int row, float* values);

    /// <inheritdoc/>
    public sealed override string ToString() => Name;
}
