using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>What the machine code of a register tile depends on.</summary>
/// <param name="Codes">What the weights are: int8, int4 or bf16.</param>
/// <param name="Scales">What weights have for scales.</param>
/// <param name="Panels">1 or 2.</param>
/// <param name="Rows">1 to <see cref="MaxRowsOf"/>.</param>
/// <param name="FetchLines">As <see cref="CodeTile.FetchLines"/>.</param>
internal readonly record struct TileShape(Precision Codes, ScaleType Scales, int Panels, int Rows, int FetchLines)
{
    private const int CodeKinds = 3, ScaleTypes = 4, FetchKinds = 3;

    /// <summary>Number of shapes.</summary>
    public const int Count = CodeKinds * ScaleTypes * 2 * CodeTile.MaxRows * FetchKinds;

    /// <summary>Cache lines of a group in a panel: 32-bit words, each for 16 outputs.</summary>
    public int Lines => LinesOf(Codes);

    /// <summary>The shape's place among all.</summary>
    public int Index => (((CodeKind * ScaleTypes + (int)Scales) * 2 + Panels - 1) * CodeTile.MaxRows + Rows - 1) * FetchKinds + 2 * FetchLines / Lines;

    /// <summary>Cache lines of a group in a panel.</summary>
    public static int LinesOf(Precision codes) => codes switch { Precision.Int4 => 4, Precision.Int8 => 8, _ => 16 };

    /// <summary>Rows that fit into registers: integers need two for each row and panel, and scales.</summary>
    public static int MaxRowsOf(Precision codes) => codes == Precision.Bf16 ? CodeTile.MaxRows : 6;

    private int CodeKind => Codes switch { Precision.Int8 => 0, Precision.Int4 => 1, _ => 2 };

    /// <summary>All shapes for the same kind of weights.</summary>
    public IEnumerable<TileShape> Siblings()
    {
        for (var panels = 1; panels <= 2; panels++)
            for (var rows = 1; rows <= MaxRowsOf(Codes); rows++)
                for (var fetch = 0; fetch < FetchKinds; fetch++)
                    yield return this with { Panels = panels, Rows = rows, FetchLines = fetch * Lines / 2 };
    }
}
