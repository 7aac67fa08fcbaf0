using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>The scalar reference: plain loops, for machines without AVX2 and for checking the others.</summary>
internal sealed unsafe class PortableKernel : PanelKernel
{
    public override string Name => "portable";

    protected override int MaxRowsInRegisters => 0;

    public override void Widen(Precision precision, in PanelBlock panels, float* widened)
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var i = 0; i < panels.Inputs; i++)
                for (var j = 0; j < PanelWidth; j++)
                    *widened++ = Weight(precision, panels.Codes(panel), panels.Scales(panel), i, j);
    }

    public override void MultiplyTiles(Precision precision, in PanelBlock panels, in RowBlock rows)
    {
        for (var panel = 0; panel < panels.Count; panel++)
            for (var r = 0; r < rows.Count; r++)
                MultiplyRow((float*)panels.Codes(panel), panels.Inputs, rows.X(r), rows.Y(r) + panel * PanelWidth);
    }

    private static void MultiplyRow(float* panel, int inputs, float* x, float* y)
    {
        var sums = stackalloc float[PanelWidth];
        new Span<float>(sums, PanelWidth).Clear();
        for (var i = 0; i < inputs; i++)
            for (var j = 0; j < PanelWidth; j++)
                sums[j] += x[i] * panel[i * PanelWidth + j];
        new ReadOnlySpan<float>(sums, PanelWidth).CopyTo(new Span<float>(y, PanelWidth));
    }

    private static float Weight(Precision precision, byte* codes, byte* scales, int i, int j)
    {
        var at = i * PanelWidth + j;
        return precision switch
        {
            Precision.Fp32 => ((float*)codes)[at],
            Precision.Bf16 => Bf16(codes, at),
            Precision.Fp16 => (float)((Half*)codes)[at],
            Precision.Int8 => ((sbyte*)codes)[at] * Bf16(scales, j),
            Precision.LlmInt8 => ((sbyte*)codes)[at],
            Precision.Int4 => Int4(codes[i / 2 * PanelWidth + j], i) * Bf16(scales, i / GroupSize * PanelWidth + j),
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no kernel reads this precision"),
        };
    }

    private static float Bf16(byte* values, int index) => BitConverter.UInt32BitsToSingle((uint)((ushort*)values)[index] << 16);

    private static int Int4(byte pair, int input) => (input % 2 == 0 ? pair & 15 : pair >> 4) - 8;
}
