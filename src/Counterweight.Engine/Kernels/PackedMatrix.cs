using System.Globalization;
using System.Runtime.InteropServices;
using Counterweight.Balancing;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// A weight matrix in the layout that every kernel reads: panels of 16 outputs, the inputs of a panel one after another, in the
/// precision's own codes; or a checkpoint's own blocks as they are. Nothing is widened; <see cref="Bytes"/> is what the process really holds.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private const int Width = MatMulKernel.PanelWidth;

    private readonly PanelLayout _layout;
    // [panels][inputs][16] in the precision's code size; int4: [panels][ceil(inputs / 2)][16] bytes, even input in the low nibble
    private readonly AlignedBuffer _codes;
    private readonly AlignedBuffer? _scales; // int8: bf16 [panels][16]; llm.int8: fp32 [panels][16]; int4: bf16 [panels][groups][16]

    private PackedMatrix(Precision precision, int outputs, int inputs)
    {
        Precision = precision;
        Outputs = outputs;
        Inputs = inputs;
        _layout = PanelLayout.Of(precision, inputs);
        _codes = new AlignedBuffer(Panels * _layout.PanelCodeBytes);
        _scales = _layout.PanelScaleBytes > 0 ? new AlignedBuffer(Panels * _layout.PanelScaleBytes) : null;
    }

    private PackedMatrix(StoredFormat format, int outputs, int inputs)
    {
        (Precision, Outputs, Inputs, Format) = (Precision.Stored, outputs, inputs, format);
        _codes = new AlignedBuffer(format.Bytes(outputs, inputs));
    }

    /// <summary>How the codes are to be read.</summary>
    public Precision Precision { get; }

    /// <summary>The checkpoint's own format if that is the precision; otherwise null.</summary>
    public StoredFormat? Format { get; }

    /// <summary>Rows of the weight matrix.</summary>
    public int Outputs { get; }

    /// <summary>Columns of the weight matrix.</summary>
    public int Inputs { get; }

    /// <summary>Panels of 16 outputs, the last one padded with zeros.</summary>
    public int Panels => PanelsOf(Outputs);

    /// <summary>Bytes held: codes, scales and padding.</summary>
    public long Bytes => _codes.Bytes + (_scales?.Bytes ?? 0);

    /// <summary>The bytes that <see cref="Format"/> reads; valid until <see cref="Dispose"/>.</summary>
    internal StoredCodes Stored => new((byte*)_codes.Pointer, Outputs, Inputs);

    /// <summary>All panels of any other precision; valid until <see cref="Dispose"/>.</summary>
    internal PanelBlock Block => new(
        (byte*)_codes.Pointer, (nint)_layout.PanelCodeBytes,
        _scales is null ? null : (byte*)_scales.Pointer, (nint)_layout.PanelScaleBytes, Panels, Inputs);

    /// <summary>Packs a matrix; the source is not kept.</summary>
    /// <exception cref="InvalidInputException">A scale of int8 or int4 is no bfloat16 value.</exception>
    /// <exception cref="ArgumentException">There are more or fewer codes or scales than the shape asks for.</exception>
    public static PackedMatrix Pack(QuantizedMatrix matrix)
    {
        if (matrix.Format is null)
            return Pack(matrix.Precision, matrix.Outputs, matrix.Inputs, matrix.Codes.Span, matrix.Scales);
        var packed = new PackedMatrix(matrix.Format, matrix.Outputs, matrix.Inputs);
        matrix.Codes.Span.CopyTo(packed._codes.AsSpan<byte>());
        return packed;
    }

    /// <summary>Packs codes from wherever they lie, for example straight from a mapped file.</summary>
    /// <param name="precision">How the codes are to be read.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="codes">Row-major codes as in <see cref="QuantizedMatrix.Codes"/>.</param>
    /// <param name="scales">As in <see cref="QuantizedMatrix.Scales"/>.</param>
    /// <exception cref="InvalidInputException">A scale of int8 or int4 is no bfloat16 value.</exception>
    /// <exception cref="ArgumentException">There are more or fewer codes or scales than the shape asks for.</exception>
    public static PackedMatrix Pack(Precision precision, int outputs, int inputs, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outputs);
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        var layout = PanelLayout.Of(precision, inputs);
        if (codes.Length != (long)outputs * layout.RowBytes || scales.Length != (long)outputs * layout.ScalesPerRow)
            throw new ArgumentException(
                $"{codes.Length} bytes of codes and {scales.Length} scales for {precision.Name()} [{outputs}, {inputs}]");
        CheckScales(layout, scales);
        var packed = new PackedMatrix(precision, outputs, inputs);
        for (var first = 0; first < outputs; first += Width)
        {
            var rows = Math.Min(Width, outputs - first);
            var panel = packed.Block.Codes(first / Width);
            fixed (byte* source = codes.Slice(first * layout.RowBytes, rows * layout.RowBytes))
                switch (layout.CodeBytes)
                {
                    case sizeof(float) when rows == Width: PanelTranspose.ToPanel((float*)source, layout.CodesPerRow, layout.CodesPerRow, (float*)panel); break;
                    case sizeof(uint): Interleave((uint*)source, rows, layout.CodesPerRow, (uint*)panel); break;
                    case sizeof(ushort): Interleave((ushort*)source, rows, layout.CodesPerRow, (ushort*)panel); break;
                    default: Interleave(source, rows, layout.CodesPerRow, panel); break;
                }
        }
        for (var output = 0; output < outputs; output++)
        {
            var rowScales = scales.Slice(output * layout.ScalesPerRow, layout.ScalesPerRow);
            for (var s = 0; s < rowScales.Length; s++)
                layout.StoreScale(packed.Block.Scales(output / Width), s * Width + output % Width, rowScales[s]);
        }
        return packed;
    }

    /// <summary>The matrix again, code for code.</summary>
    public QuantizedMatrix Unpack()
    {
        if (Format is not null)
            return QuantizedMatrix.Stored(Format, Outputs, Inputs, _codes.AsSpan<byte>().ToArray());
        var codes = new byte[checked(Outputs * _layout.RowBytes)];
        var scales = new float[Outputs * _layout.ScalesPerRow];
        for (var output = 0; output < Outputs; output++)
        {
            var row = codes.AsSpan(output * _layout.RowBytes, _layout.RowBytes);
            switch (_layout.CodeBytes)
            {
                case sizeof(uint): Gather(FirstCode<uint>(output), MemoryMarshal.Cast<byte, uint>(row)); break;
                case sizeof(ushort): Gather(FirstCode<ushort>(output), MemoryMarshal.Cast<byte, ushort>(row)); break;
                default: Gather(FirstCode<byte>(output), row); break;
            }
            for (var s = 0; s < _layout.ScalesPerRow; s++)
                scales[output * _layout.ScalesPerRow + s] = _layout.LoadScale(Block.Scales(output / Width), s * Width + output % Width);
        }
        return new QuantizedMatrix(Precision, Outputs, Inputs, codes, scales);
    }

    /// <summary>Bytes that a matrix of that shape takes when packed.</summary>
    public static long BytesFor(Precision precision, int outputs, int inputs)
    {
        var layout = PanelLayout.Of(precision, inputs);
        return PanelsOf(outputs) * (layout.PanelCodeBytes + layout.PanelScaleBytes);
    }

    /// <summary>Frees the native memory.</summary>
    public void Dispose()
    {
        _codes.Dispose();
        _scales?.Dispose();
    }

    private static int PanelsOf(int outputs) => (outputs + Width - 1) / Width;

    private T* FirstCode<T>(int output) where T : unmanaged => (T*)Block.Codes(output / Width) + output % Width;

    // Written in the order of memory: rows are read side by side, which the cache can do and strided stores it cannot.
    private static void Interleave<T>(T* rows, int count, int length, T* panel) where T : unmanaged
    {
        for (var i = 0; i < length; i++, panel += Width)
            for (var r = 0; r < count; r++)
                panel[r] = rows[(nint)r * length + i];
    }

    private static void Gather<T>(T* panel, Span<T> row) where T : unmanaged
    {
        for (var i = 0; i < row.Length; i++)
            row[i] = panel[(nint)i * Width];
    }

    private static void CheckScales(PanelLayout layout, ReadOnlySpan<float> scales)
    {
        for (var i = 0; i < scales.Length; i++)
            if (!layout.Holds(scales[i]))
                throw new InvalidInputException(
                    $"scale {i % layout.ScalesPerRow} of row {i / layout.ScalesPerRow}",
                    scales[i].ToString("R", CultureInfo.InvariantCulture),
                    layout.ScaleBytes == sizeof(float) ? "a finite number" : "a finite bfloat16 value");
    }
}
