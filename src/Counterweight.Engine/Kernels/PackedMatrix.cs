using System.Globalization;
using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// A weight matrix in the layout that every kernel reads: panels of 16 outputs, the inputs of a panel one after another, in the
/// precision's own codes; or a checkpoint's own blocks as they are, unless they are
/// integers that fit into panels. Nothing is widened; <see cref="Bytes"/> is what the process really holds.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private const int Width = MatMulKernel.PanelWidth;

    private readonly PanelLayout _layout;
    private readonly AlignedBuffer _codes;   // [panels][words][16] as PanelLayout says
    private readonly AlignedBuffer? _scales; // [panels][scales of a row][16] in the type of the format

    private PackedMatrix(Precision precision, int outputs, PanelLayout layout, StoredFormat? format = null)
    {
        (Precision, Outputs, Format) = (precision, outputs, format);
        _layout = layout;
        _codes = AlignedBuffer.ForWeights(BytesOfCodes(layout, outputs, format));
        _scales = HasPanels && layout.PanelScaleBytes > 0 ? AlignedBuffer.ForWeights(Panels * layout.PanelScaleBytes) : null;
    }

    /// <summary>How the codes are to be read.</summary>
    public Precision Precision { get; }

    /// <summary>The checkpoint's own format if that is the precision; otherwise null.</summary>
    public StoredFormat? Format { get; }

    /// <summary>How the panels are to be read; <see cref="Precision.Stored"/> where there are none, but the bytes that <see cref="Format"/> reads.</summary>
    public Precision Codes => _layout.Codes;

    /// <summary>Rows of the weight matrix.</summary>
    public int Outputs { get; }

    /// <summary>Columns of the weight matrix.</summary>
    public int Inputs => _layout.Inputs;

    /// <summary>What it has for scales.</summary>
    public ScaleFormat Scales => _layout.Scales;

    /// <summary>Panels of 16 outputs, the last one padded with zeros.</summary>
    public int Panels => PanelsOf(Outputs);

    /// <summary>Bytes held: codes, scales and padding.</summary>
    public long Bytes => _codes.Bytes + (_scales?.Bytes ?? 0);

    /// <summary>Where the codes of a panel lie, null if there are no panels; valid until <see cref="Dispose"/>.</summary>
    public void* CodesOf(int panel) => HasPanels ? Block.Codes(panel) : null;

    /// <summary>The bytes that <see cref="Format"/> reads; valid until <see cref="Dispose"/>.</summary>
    internal StoredCodes Stored => new((byte*)_codes.Pointer, Outputs, Inputs);

    /// <summary>All panels if there are any; valid until <see cref="Dispose"/>.</summary>
    internal PanelBlock Block => new(
        (byte*)_codes.Pointer, (nint)_layout.PanelCodeBytes,
        _scales is null ? null : (byte*)_scales.Pointer, (nint)_layout.PanelScaleBytes, Panels, Inputs,
        Scales.Group == 0 ? Inputs : Scales.Group);

    /// <summary>Packs a matrix; the source is not kept.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="pool">Threads that share the work; null for the caller alone.</param>
    /// <exception cref="InvalidInputException">A scale is no value of the type that scales are kept as.</exception>
    /// <exception cref="ArgumentException">There are more or fewer codes or scales than the shape asks for.</exception>
    public static PackedMatrix Pack(QuantizedMatrix matrix, WorkerPool? pool = null)
    {
        var packed = matrix.Format switch
        {
            null => Pack(matrix.Precision, matrix.Outputs, matrix.Inputs, matrix.Codes.Span, matrix.Scales, matrix.ScaleFormat, pool),
            IntegerFormat integers => PackIntegers(matrix, integers, pool),
            var format => PackStored(matrix, format),
        };
        MappedMemory.Discard(matrix.Codes);
        return packed;
    }

    private static PackedMatrix PackStored(QuantizedMatrix matrix, StoredFormat format)
    {
        var packed = new PackedMatrix(Precision.Stored, matrix.Outputs, new PanelLayout(Precision.Stored, matrix.Inputs, default), format);
        matrix.Codes.Span.CopyTo(packed._codes.AsSpan<byte>());
        return packed;
    }

    /// <summary>Packs codes from wherever they lie, for example straight from a mapped file.</summary>
    /// <param name="precision">How the codes are to be read.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="codes">Row-major codes as in <see cref="QuantizedMatrix.Codes"/>.</param>
    /// <param name="scales">As in <see cref="QuantizedMatrix.Scales"/>.</param>
    /// <param name="format">What to keep the scales as; null: as the precision has them.</param>
    /// <param name="pool">Threads that share the work; null for the caller alone.</param>
    /// <exception cref="InvalidInputException">A scale is no value of the type that scales are kept as.</exception>
    /// <exception cref="ArgumentException">There are more or fewer codes or scales than the shape asks for.</exception>
    public static PackedMatrix Pack(
        Precision precision, int outputs, int inputs, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, ScaleFormat? format = null, WorkerPool? pool = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outputs);
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        var layout = PanelLayout.Of(precision, inputs, format ?? ScaleFormat.Of(precision));
        if (codes.Length != (long)outputs * layout.RowBytes || scales.Length != (long)outputs * layout.ScalesPerRow)
            throw new ArgumentException(
                $"{codes.Length} bytes of codes and {scales.Length} scales for {precision.Name()} [{outputs}, {inputs}]");
        CheckScales(layout, scales);
        var packed = new PackedMatrix(precision, outputs, layout);
        fixed (byte* firstCode = codes)
        fixed (float* firstScale = scales)
        {
            var (codesFrom, scalesFrom) = ((nint)firstCode, (nint)firstScale);
            packed.Fill(pool, (output, row, rowScales) =>
            {
                new ReadOnlySpan<byte>((byte*)codesFrom + (long)output * layout.RowBytes, layout.RowBytes).CopyTo(row);
                new ReadOnlySpan<float>((float*)scalesFrom + (long)output * layout.ScalesPerRow, layout.ScalesPerRow).CopyTo(rowScales);
            });
        }
        return packed;
    }

    /// <summary>The matrix again, code for code.</summary>
    public QuantizedMatrix Unpack()
    {
        if (Format is not null)
            return QuantizedMatrix.Stored(Format, Outputs, Inputs, Format is IntegerFormat integers ? UnpackIntegers(integers) : _codes.AsSpan<byte>().ToArray());
        var codes = new byte[checked(Outputs * _layout.RowBytes)];
        var scales = new float[Outputs * _layout.ScalesPerRow];
        for (var output = 0; output < Outputs; output++)
            UnpackRow(
                output, codes.AsSpan(output * _layout.RowBytes, _layout.RowBytes), scales.AsSpan(output * _layout.ScalesPerRow, _layout.ScalesPerRow));
        return new QuantizedMatrix(Precision, Outputs, Inputs, codes, scales) { ScaleFormat = Scales };
    }

    /// <summary>Bytes that a matrix of that shape takes when packed.</summary>
    public static long BytesFor(Precision precision, int outputs, int inputs, ScaleFormat? format = null)
    {
        var layout = PanelLayout.Of(precision, inputs, format ?? ScaleFormat.Of(precision));
        return PanelsOf(outputs) * (layout.PanelCodeBytes + layout.PanelScaleBytes);
    }

    /// <summary>Bytes that a matrix of that shape takes in a checkpoint's own format, once packed.</summary>
    public static long BytesFor(StoredFormat format, int outputs, int inputs) => format is IntegerFormat integers
        ? BytesFor(integers.Codes, outputs, inputs, integers.Scales)
        : format.Bytes(outputs, inputs);

    /// <summary>Frees the native memory.</summary>
    public void Dispose()
    {
        _codes.Dispose();
        _scales?.Dispose();
    }

    private static int PanelsOf(int outputs) => (outputs + Width - 1) / Width;

    private bool HasPanels => Codes != Precision.Stored;

    private static long BytesOfCodes(PanelLayout layout, int outputs, StoredFormat? format) =>
        layout.Codes == Precision.Stored ? format!.Bytes(outputs, layout.Inputs) : PanelsOf(outputs) * layout.PanelCodeBytes;

    private static PackedMatrix PackIntegers(QuantizedMatrix matrix, IntegerFormat format, WorkerPool? pool)
    {
        var packed = new PackedMatrix(Precision.Stored, matrix.Outputs, PanelLayout.Of(format.Codes, matrix.Inputs, format.Scales), format);
        using var pinned = matrix.Codes.Pin();
        var stored = new StoredCodes((byte*)pinned.Pointer, matrix.Outputs, matrix.Inputs);
        packed.Fill(pool, (output, codes, scales) => format.ReadRow(stored, output, codes, scales));
        return packed;
    }

    private void Fill(WorkerPool? pool, PackingRow read) => new PanelPacking(_layout, Block, Outputs, read).Run(pool);

    private byte[] UnpackIntegers(IntegerFormat format)
    {
        var stored = new byte[format.Bytes(Outputs, Inputs)];
        var (codes, scales) = (new byte[_layout.RowBytes], new float[_layout.ScalesPerRow]);
        fixed (byte* bytes = stored)
            for (var output = 0; output < Outputs; output++)
            {
                UnpackRow(output, codes, scales);
                format.WriteRow(codes, scales, new StoredCodes(bytes, Outputs, Inputs), output);
            }
        return stored;
    }

    private uint* FirstWord(int output) => (uint*)Block.Codes(output / Width) + output % Width;

    private void UnpackRow(int output, Span<byte> codes, Span<float> scales)
    {
        var panel = FirstWord(output);
        for (var begin = 0; begin < codes.Length; begin += sizeof(uint))
        {
            var word = _layout.FromPanel(panel[(nint)(begin / sizeof(uint)) * Width]);
            MemoryMarshal.AsBytes(new Span<uint>(ref word))[..Math.Min(sizeof(uint), codes.Length - begin)].CopyTo(codes[begin..]);
        }
        for (var s = 0; s < scales.Length; s++)
            scales[s] = Scales.Load(Block.Scales(output / Width), s * Width + output % Width);
    }

    private static void CheckScales(PanelLayout layout, ReadOnlySpan<float> scales)
    {
        for (var i = 0; i < scales.Length; i++)
            if (!layout.Scales.Holds(scales[i]))
                throw new InvalidInputException(
                    $"scale {i % layout.ScalesPerRow} of row {i / layout.ScalesPerRow}",
                    scales[i].ToString("R", CultureInfo.InvariantCulture),
                    layout.Scales.Type switch
                    {
                        ScaleType.BFloat16 => "a finite bfloat16 value",
                        ScaleType.Half => "a finite half-precision value",
                        _ => "a finite number",
                    });
    }
}
