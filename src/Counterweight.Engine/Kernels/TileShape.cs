namespace Counterweight.Engine.Kernels;

/// <summary>What the machine code of a register tile depends on.</summary>
/// <param name="Int4">Whether weights are int4, otherwise int8.</param>
/// <param name="Scales">What weights have for scales.</param>
/// <param name="Panels">1 or 2.</param>
/// <param name="Rows">1 to <see cref="CodeTile.MaxRows"/>.</param>
/// <param name="FetchLines">As <see cref="CodeTile.FetchLines"/>.</param>
internal readonly record struct TileShape(bool Int4, ScaleType Scales, int Panels, int Rows, int FetchLines)
{
    private const int FetchKinds = 3, ScaleTypes = 4;

    /// <summary>Number of shapes.</summary>
    public const int Count = 2 * ScaleTypes * 2 * CodeTile.MaxRows * FetchKinds;

    /// <summary>Cache lines of a group in a panel: 32-bit words, each for 16 outputs.</summary>
    public int Lines => LinesOf(Int4);

    /// <summary>The shape's place among all.</summary>
    public int Index => ((((Int4 ? ScaleTypes : 0) + (int)Scales) * 2 + Panels - 1) * CodeTile.MaxRows + Rows - 1) * FetchKinds + 2 * FetchLines / Lines;

    /// <summary>Cache lines of a group in a panel.</summary>
    public static int LinesOf(bool int4) => int4 ? 4 : 8;

    /// <summary>All shapes for the same kind of weights.</summary>
    public IEnumerable<TileShape> Siblings()
    {
        for (var panels = 1; panels <= 2; panels++)
            for (var rows = 1; rows <= CodeTile.MaxRows; rows++)
                for (var fetch = 0; fetch < FetchKinds; fetch++)
                    yield return this with { Panels = panels, Rows = rows, FetchLines = fetch * Lines / 2 };
    }
}
