using Counterweight.Engine.Kernels;

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
    protected const int PanelWidth = MatMulKernel.PanelWidth;

    /// <summary>Says everything that <see cref="StoredFormats.Parse"/> needs to make the format again; no spaces.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes of a matrix of that shape.</summary>
    public abstract long Bytes(int outputs, int inputs);

    /// <summary>Writes the rows [16 · panel, 16 · panel + 16) as a panel [inputs][16]; rows that the matrix lacks as zeros.</summary>
    public abstract void DecodePanel(in StoredCodes codes, int panel, float* widened);

    /// <summary>Writes one row, [inputs]: the plain way, for single rows.</summary>
    public abstract void DecodeRow(in StoredCodes codes, int row, float* values);

    /// <summary>Writes all rows, [outputs, inputs].</summary>
    public virtual void Decode(in StoredCodes codes, float* weights)
    {
        using var panel = AlignedBuffer.OfFloats((long)codes.Inputs * PanelWidth);
        for (var first = 0; first < codes.Outputs; first += PanelWidth)
        {
            DecodePanel(codes, first / PanelWidth, panel.Floats);
            for (var r = 0; r < Math.Min(PanelWidth, codes.Outputs - first); r++)
                for (var i = 0; i < codes.Inputs; i++)
                    weights[(long)(first + r) * codes.Inputs + i] = panel.Floats[(long)i * PanelWidth + r];
        }
    }

    /// <summary>Checks bytes from outside of which decoding relies on more than their number.</summary>
    /// <param name="bytes">All bytes of a matrix.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="place">What messages call the matrix.</param>
    /// <exception cref="Balancing.InvalidInputException">Decoding them would leave them.</exception>
    public virtual void Check(ReadOnlySpan<byte> bytes, int outputs, int inputs, string place)
    {
    }

    /// <inheritdoc/>
    public sealed override string ToString() => Name;
}
