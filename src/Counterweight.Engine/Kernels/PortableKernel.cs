using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>The scalar reference: plain loops, for machines without AVX2 and for checking the others.</summary>
internal sealed unsafe class PortableKernel(string name, CodeProduct codes) : PanelKernel(name, codes)
{
    protected override int MaxHalfRowsInRegisters => 0;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var i = 0; i < panels.Inputs; i++)
                for (var j = 0; j < PanelWidth; j++)
                    *widened++ = Weight(precision, panels, panel, i, j);
    }

    public override void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows)
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var r = 0; r < rows.Count; r++)
                MultiplyRow(precision, panels, panel, rows.X(r), rows.Y(r) + panel * PanelWidth);
    }

    private static void MultiplyRow(Precision precision, in PanelBlock panels, int panel, float* x, float* y)
    {
        var sums = stackalloc float[PanelWidth];
        new Span<float>(sums, PanelWidth).Clear();
        for (var i = 0; i < panels.Inputs; i++)
            for (var j = 0; j < PanelWidth; j++)
                sums[j] += x[i] * Weight(precision, panels, panel, i, j);
        new ReadOnlySpan<float>(sums, PanelWidth).CopyTo(new Span<float>(y, PanelWidth));
    }

    private static float Weight(Precision precision, in PanelBlock panels, int panel, int i, int j)
    {
        var words = (uint*)panels.Codes(panel);
        var scales = (float*)panels.Scales(panel);
        return precision switch
        {
            Precision.Fp32 => ((float*)words)[i * PanelWidth + j],
            Precision.Bf16 => BitConverter.UInt32BitsToSingle(words[i / 2 * PanelWidth + j] >> (i % 2 * 16) << 16),
            Precision.Fp16 => (float)BitConverter.UInt16BitsToHalf((ushort)(words[i / 2 * PanelWidth + j] >> (i % 2 * 16))),
            Precision.Int8 or Precision.LlmInt8 => (sbyte)(words[i / 4 * PanelWidth + j] >> (i % 4 * 8)) * scales[i / panels.Group * PanelWidth + j],
            Precision.Int4 => Int4(words[i / 8 * PanelWidth + j], i % 8) * scales[i / panels.Group * PanelWidth + j],
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no kernel reads this precision"),
        };
    }

    private static int Int4(uint word, int place) => (int)(word >> (place % 4 * 8 + place / 4 * 4) & 15) - 8;
}
