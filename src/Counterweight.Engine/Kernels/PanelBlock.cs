namespace Counterweight.Engine.Kernels;

/// <summary>Consecutive panels of a matrix: codes and scales of each, a fixed number of bytes apart.</summary>
internal readonly unsafe struct PanelBlock(byte* codes, nint codeStride, byte* scales, nint scaleStride, int count, int inputs)
{
    /// <summary>fp32 panels, [inputs][16] each, <paramref name="stride"/> floats apart.</summary>
    public static PanelBlock OfFloats(float* panels, nint stride, int count, int inputs) =>
        new((byte*)panels, stride * sizeof(float), null, 0, count, inputs);

    public readonly int Count = count;

    public readonly int Inputs = inputs;

    public byte* Codes(int panel) => codes + panel * codeStride;

    /// <summary>Null for precisions without scales.</summary>
    public byte* Scales(int panel) => scales + panel * scaleStride;

    public PanelBlock Slice(int first, int length) => new(Codes(first), codeStride, Scales(first), scaleStride, length, Inputs);
}
