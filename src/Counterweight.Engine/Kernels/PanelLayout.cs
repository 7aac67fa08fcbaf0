using System.Numerics;
using System.Runtime.InteropServices;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// How the codes of a precision lie in a row and in a panel. A panel is a sequence of 16 words of 32 bits, one for each output; a word holds
/// neighbouring inputs: one fp32, two 16-bit values, four int8 codes or eight int4 codes, as the integer and bfloat16 dot-product
/// instructions read them. In an int4 word byte k has input k in its low and input k + 4 in its high nibble.
/// </summary>
/// <param name="Codes">What the codes are.</param>
/// <param name="Inputs">Codes of a row.</param>
/// <param name="Scales">The scales.</param>
internal readonly record struct PanelLayout(Precision Codes, int Inputs, ScaleFormat Scales)
{
    public static PanelLayout Of(Precision precision, int inputs, ScaleFormat scales)
    {
        var layout = new PanelLayout(precision, inputs, scales);
        return layout.CodeBits > 0 ? layout : throw new ArgumentOutOfRangeException(nameof(precision), precision, "the engine cannot hold this precision");
    }

    /// <summary>Bits of a code; 0 for what has no panels.</summary>
    public int CodeBits => Codes switch
    {
        Precision.Fp32 => 32,
        Precision.Fp16 or Precision.Bf16 => 16,
        Precision.Int8 or Precision.LlmInt8 => 8,
        Precision.Int4 => 4,
        _ => 0,
    };

    /// <summary>Inputs of a word.</summary>
    public int InputsPerWord => 32 / CodeBits;

    /// <summary>Bytes of a row before packing.</summary>
    public int RowBytes => (int)(((long)Inputs * CodeBits + 7) / 8);

    public int ScalesPerRow => Scales.PerRow(Inputs);

    /// <summary>Words of an output: rows of integer codes and of bfloat16 are filled up with zeros to whole groups, which is what products run over.</summary>
    public int Words => CodeBits <= 8 || Codes == Precision.Bf16 ? (Inputs + QuantizedMatrix.GroupSize - 1) / QuantizedMatrix.GroupSize * (QuantizedMatrix.GroupSize / InputsPerWord)
        : (Inputs + InputsPerWord - 1) / InputsPerWord;

    public long PanelCodeBytes => (long)Words * sizeof(uint) * MatMulKernel.PanelWidth;

    public long PanelScaleBytes => (long)ScalesPerRow * Scales.Bytes * MatMulKernel.PanelWidth;

    /// <summary>Turns words of rows, four bytes each, into those of panels.</summary>
    public void ToPanel(Span<uint> words)
    {
        if (CodeBits != 4)
            return;
        var vectors = MemoryMarshal.Cast<uint, Vector<uint>>(words);
        foreach (ref var vector in vectors)
            vector = SwapBits(SwapBits(vector, 0x0000FF00, 8), 0x00F000F0, 4);
        foreach (ref var word in words[(vectors.Length * Vector<uint>.Count)..])
            word = SwapBits(SwapBits(word, 0x0000FF00, 8), 0x00F000F0, 4);
    }

    /// <summary>A word of a panel as four bytes of a row.</summary>
    public uint FromPanel(uint word) => CodeBits == 4 ? SwapBits(SwapBits(word, 0x00F000F0, 4), 0x0000FF00, 8) : word;

    /// <summary>Swaps the bits of the mask with those <paramref name="distance"/> above (Warren, "Hacker's Delight", section 7-1).</summary>
    private static uint SwapBits(uint word, uint mask, int distance)
    {
        var different = (word ^ (word >> distance)) & mask;
        return word ^ different ^ (different << distance);
    }

    private static Vector<uint> SwapBits(Vector<uint> words, uint mask, int distance)
    {
        var different = (words ^ (words >> distance)) & new Vector<uint>(mask);
        return words ^ different ^ (different << distance);
    }
}
