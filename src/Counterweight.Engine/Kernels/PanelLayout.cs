using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>How the codes and scales of a precision lie in a row and in a panel.</summary>
/// <param name="CodeBytes">Bytes of a code; an int4 byte holds two.</param>
/// <param name="CodesPerRow">Codes of a row.</param>
/// <param name="ScaleBytes">2: bfloat16, 4: fp32, 0: none.</param>
/// <param name="ScalesPerRow">Scales of a row.</param>
internal readonly record struct PanelLayout(int CodeBytes, int CodesPerRow, int ScaleBytes, int ScalesPerRow)
{
    public static PanelLayout Of(Precision precision, int inputs) => precision switch
    {
        Precision.Fp32 => new PanelLayout(sizeof(float), inputs, 0, 0),
        Precision.Fp16 or Precision.Bf16 => new PanelLayout(sizeof(ushort), inputs, 0, 0),
        Precision.Int8 => new PanelLayout(1, inputs, sizeof(ushort), 1),
        Precision.LlmInt8 => new PanelLayout(1, inputs, sizeof(float), 1),
        Precision.Int4 => new PanelLayout(
            1, (inputs + 1) / 2, sizeof(ushort), (inputs + QuantizedMatrix.GroupSize - 1) / QuantizedMatrix.GroupSize),
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "the engine cannot hold this precision"),
    };

    public int RowBytes => CodesPerRow * CodeBytes;

    public long PanelCodeBytes => (long)RowBytes * MatMulKernel.PanelWidth;

    public long PanelScaleBytes => (long)ScalesPerRow * ScaleBytes * MatMulKernel.PanelWidth;

    /// <summary>Whether a scale is kept as it is.</summary>
    public bool Holds(float scale) =>
        float.IsFinite(scale) && (ScaleBytes == sizeof(float) || (BitConverter.SingleToUInt32Bits(scale) & 0xFFFF) == 0);

    public unsafe void StoreScale(byte* scales, int index, float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (ScaleBytes == sizeof(float))
            ((uint*)scales)[index] = bits;
        else
            ((ushort*)scales)[index] = (ushort)(bits >> 16);
    }

    public unsafe float LoadScale(byte* scales, int index) =>
        BitConverter.UInt32BitsToSingle(ScaleBytes == sizeof(float) ? ((uint*)scales)[index] : (uint)((ushort*)scales)[index] << 16);
}
