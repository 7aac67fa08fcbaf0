using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// A weight matrix in the layout that every kernel reads: panels of 16 outputs, the inputs of a panel one after another, in the
/// precision's own codes. Nothing is widened; <see cref="Bytes"/> is what the process really holds.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    private const int Width = MatMulKernel.PanelWidth;

    private readonly AlignedBuffer _codes;   // [panels][inputs][16] in the precision's code size; int4: [panels][ceil(inputs / 2)][16] bytes, even input in the low nibble
    private readonly AlignedBuffer? _scales; // int8: bf16 [panels][16]; llm.int8: fp32 [panels][16]; int4: bf16 [panels][groups][16]

    private PackedMatrix(Precision precision, int outputs, int inputs)
    {
        Precision = precision;
        Outputs = outputs;
        Inputs = inputs;
        var layout = Layout.Of(precision, inputs);
        _codes = new AlignedBuffer((long)Panels * layout.PanelCodeBytes);
        _scales = layout.PanelScaleBytes > 0 ? new AlignedBuffer((long)Panels * layout.PanelScaleBytes) : null;
    }

    /// <summary>How the codes are to be read.</summary>
    public Precision Precision { get; }

    /// <summary>Rows of the weight matrix.</summary>
    public int Outputs { get; }

    /// <summary>Columns of the weight matrix.</summary>
    public int Inputs { get; }

    /// <summary>Panels of 16 outputs, the last one padded with zeros.</summary>
    public int Panels => PanelsOf(Outputs);

    /// <summary>Bytes held: codes, scales and padding.</summary>
    public long Bytes => _codes.Bytes + (_scales?.Bytes ?? 0);

    /// <summary>Packs a matrix; the source is not kept.</summary>
    public static PackedMatrix Pack(QuantizedMatrix matrix)
    {
        var packed = new PackedMatrix(matrix.Precision, matrix.Outputs, matrix.Inputs);
        var layout = Layout.Of(matrix.Precision, matrix.Inputs);
        var rowBytes = layout.CodesPerRow * layout.CodeBytes;
        for (var output = 0; output < matrix.Outputs; output++)
        {
            var row = matrix.Codes.AsSpan(output * rowBytes, rowBytes);
            var panel = packed.Codes(output / Width) + output % Width * layout.CodeBytes;
            for (var i = 0; i < layout.CodesPerRow; i++)
                row.Slice(i * layout.CodeBytes, layout.CodeBytes).CopyTo(new Span<byte>(panel + (long)i * Width * layout.CodeBytes, layout.CodeBytes));
            for (var s = 0; s < layout.ScalesPerRow; s++)
                layout.StoreScale(packed.Scales(output / Width), s * Width + output % Width, matrix.Scales[output * layout.ScalesPerRow + s]);
        }
        return packed;
    }

    /// <summary>The matrix again, code for code.</summary>
    public QuantizedMatrix Unpack()
    {
        var layout = Layout.Of(Precision, Inputs);
        var rowBytes = layout.CodesPerRow * layout.CodeBytes;
        var codes = new byte[Outputs * rowBytes];
        var scales = new float[Outputs * layout.ScalesPerRow];
        for (var output = 0; output < Outputs; output++)
        {
            var panel = Codes(output / Width) + output % Width * layout.CodeBytes;
            for (var i = 0; i < layout.CodesPerRow; i++)
                new ReadOnlySpan<byte>(panel + (long)i * Width * layout.CodeBytes, layout.CodeBytes).CopyTo(codes.AsSpan(output * rowBytes + i * layout.CodeBytes));
            for (var s = 0; s < layout.ScalesPerRow; s++)
                scales[output * layout.ScalesPerRow + s] = layout.LoadScale(Scales(output / Width), s * Width + output % Width);
        }
        return new QuantizedMatrix(Precision, Outputs, Inputs, codes, scales);
    }

    /// <summary>Bytes that a matrix of that shape takes when packed.</summary>
    public static long BytesFor(Precision precision, int outputs, int inputs)
    {
        var layout = Layout.Of(precision, inputs);
        return (long)PanelsOf(outputs) * (layout.PanelCodeBytes + layout.PanelScaleBytes);
    }

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

    private static int PanelsOf(int outputs) => (outputs + Width - 1) / Width;

    /// <summary>How the codes and scales of a precision lie in a row and in a panel.</summary>
    private readonly record struct Layout(int CodeBytes, int CodesPerRow, int ScaleBytes, int ScalesPerRow)
    {
        public long PanelCodeBytes => (long)CodesPerRow * CodeBytes * Width;

        public long PanelScaleBytes => (long)ScalesPerRow * ScaleBytes * Width;

        public static Layout Of(Precision precision, int inputs) => precision switch
        {
            Precision.Fp32 => new Layout(sizeof(float), inputs, 0, 0),
            Precision.Fp16 or Precision.Bf16 => new Layout(sizeof(ushort), inputs, 0, 0),
            Precision.Int8 => new Layout(1, inputs, sizeof(ushort), 1),
            Precision.LlmInt8 => new Layout(1, inputs, sizeof(float), 1),
            Precision.Int4 => new Layout(1, (inputs + 1) / 2, sizeof(ushort), (inputs + QuantizedMatrix.GroupSize - 1) / QuantizedMatrix.GroupSize),
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "the engine cannot hold this precision"),
        };

        public void StoreScale(byte* scales, int index, float value)
        {
            var bits = BitConverter.SingleToUInt32Bits(value);
            if (ScaleBytes == sizeof(float))
                ((uint*)scales)[index] = bits;
            else
                ((ushort*)scales)[index] = (ushort)(bits >> 16);
        }

        public float LoadScale(byte* scales, int index) =>
            BitConverter.UInt32BitsToSingle(ScaleBytes == sizeof(float) ? ((uint*)scales)[index] : (uint)((ushort*)scales)[index] << 16);
    }
}
