using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>A format of integer codes and scales that kernels can hold in panels and multiply as integers; what is packed can be written again, byte for byte.</summary>
public abstract class IntegerFormat : RowFormat
{
    /// <summary>What the codes are: <see cref="Precision.Int8"/> or <see cref="Precision.Int4"/>.</summary>
    public abstract Precision Codes { get; }

    /// <summary>The scales.</summary>
    public abstract ScaleFormat Scales { get; }

    /// <summary>Reads a row.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="row">Row.</param>
    /// <param name="codes">Receives the codes as in <see cref="QuantizedMatrix.Codes"/> of that precision.</param>
    /// <param name="scales">Receives the scales; those of zero weights may be anything finite.</param>
    public abstract void ReadRow(in StoredCodes source, int row, Span<byte> codes, Span<float> scales);

    /// <summary>Writes what <see cref="ReadRow"/> has read.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="target">The matrix.</param>
    /// <param name="row">Row.</param>
    public abstract void WriteRow(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, in StoredCodes target, int row);
}
