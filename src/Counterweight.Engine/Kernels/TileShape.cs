using System.Numerics;

namespace Counterweight.Engine.Kernels;

/// <summary>What the machine code of a register tile depends on.</summary>
/// <param name="Int4">Whether weights are int4, otherwise int8.</param>
/// <param name="Scales">What weights have for scales.</param>
/// <param name="Panels">1 or 2.</param>
/// <param name="Rows">1 to <see cref="CodeTile.MaxRows"/>.</param>
/// <param name="FetchLines">As <see cref="CodeTile.FetchLines"/>.</param>
internal readonly record struct TileShape(bool Int4, ScaleType Scales, int Panels, int Rows, int FetchLines)
{
    private const int ScaleTypes = 4;
    private const int FetchKinds = 5; // 0, 1, 2, 4, 8

    /// <summary>Number of shapes.</summary>
    public const int Count = ScaleTypes * FetchKinds * 2 * 2 * CodeTile.MaxRows;

    /// <summary>The shape's place among all.</summary>
    public int Index =>
        (((int)Scales * FetchKinds + (FetchLines == 0 ? 0 : BitOperations.Log2((uint)FetchLines) + 1)) * 4 + (Int4 ? 2 : 0) + Panels - 1) * CodeTile.MaxRows + Rows - 1;

    /// <summary>32-bit words of a group in a panel, each a cache line for 16 outputs.</summary>
    public int Words => Int4 ? 4 : 8;
}
