using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>The scalar reference: plain loops, for machines without AVX2 and for checking the others.</summary>
internal sealed unsafe class PortableKernel : PanelKernel
{
    public override string Name => "portable";

    protected override void Widen(PackedMatrix weights, int panel, float* widened)
    {
        var codes = weights.Codes(panel);
        for (var i = 0; i < weights.Inputs; i++)
            for (var j = 0; j < PanelWidth; j++)
            {
                var at = i * PanelWidth + j;
                widened[at] = weights.Precision switch
                {
                    Precision.Fp32 => ((float*)codes)[at],
                    Precision.Bf16 => Bf16(((ushort*)codes)[at]),
                    Precision.Fp16 => (float)((Half*)codes)[at],
                    Precision.Int8 => ((sbyte*)codes)[at] * Bf16(((ushort*)weights.Scales(panel))[j]),
                    _ => Int4(codes[i / 2 * PanelWidth + j], i) * Bf16(((ushort*)weights.Scales(panel))[i / GroupSize * PanelWidth + j]),
                };
            }
    }

    protected override void MultiplyTile(float* panels, int pair, nint panelStride, int inner, float* x, int rows, int xStride, float* y, int yStride)
    {
        for (var r = 0; r < rows; r++)
            for (var output = 0; output < pair * PanelWidth; output++)
            {
                var weights = panels + output / PanelWidth * panelStride + output % PanelWidth;
                var sum = 0f;
                for (var i = 0; i < inner; i++)
                    sum += x[(long)r * xStride + i] * weights[i * PanelWidth];
                y[(long)r * yStride + output] = sum;
            }
    }

    private static float Bf16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static int Int4(byte pair, int input) => (input % 2 == 0 ? pair & 15 : pair >> 4) - 8;
}
