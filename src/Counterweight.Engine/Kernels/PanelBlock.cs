namespace Counterweight.Engine.Kernels;

/// <summary>
/// Consecutive panels of a matrix: the codes of each, and its scales as the matrix keeps them or widened to fp32 [groups][16], a fixed
/// number of bytes apart.
/// </summary>
/// <param name="codes">First panel.</param>
/// <param name="codeStride">Bytes from panel to panel.</param>
/// <param name="scales">First panel's scales; null for none.</param>
/// <param name="scaleStride">Bytes from panel to panel.</param>
/// <param name="count">Panels.</param>
/// <param name="inputs">Inputs of a panel.</param>
/// <param name="group">Inputs that share a vector of scales.</param>
/// <param name="next">Codes that will be read after these panels; null if that is not known.</param>
internal readonly unsafe struct PanelBlock(byte* codes, nint codeStride, byte* scales, nint scaleStride, int count, int inputs, int group, byte* next = null)
{
    /// <summary>fp32 panels, [inputs][16] each, <paramref name="stride"/> floats apart.</summary>
    public static PanelBlock OfFloats(float* panels, nint stride, int count, int inputs) =>
        new((byte*)panels, stride * sizeof(float), null, 0, count, inputs, inputs);

    public readonly int Count = count;

    public readonly int Inputs = inputs;

    /// <summary>Inputs that share a vector of scales.</summary>
    public readonly int Group = group;

    public byte* Codes(int panel) => codes + panel * codeStride;

    /// <summary>Null for precisions without scales.</summary>
    public byte* Scales(int panel) => scales + panel * scaleStride;

    /// <summary>Bytes from a panel's codes to those that will be read after it and its <paramref name="width"/> - 1 neighbours: to be fetched meanwhile; 0 for nothing.</summary>
    public nint Ahead(int panel, int width) => panel + width < Count ? width * codeStride : next is not null ? (nint)(next - Codes(panel)) : 0;

    public PanelBlock Slice(int first, int length) => new(Codes(first), codeStride, Scales(first), scaleStride, length, Inputs, Group);

    /// <summary>The same codes with widened scales.</summary>
    public PanelBlock WithScales(float* widened, nint stride) => new(codes, codeStride, (byte*)widened, stride * sizeof(float), Count, Inputs, Group);
}
