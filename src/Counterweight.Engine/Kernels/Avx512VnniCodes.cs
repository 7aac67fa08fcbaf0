using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> with AVX512-VNNI, which .NET has no intrinsics for: tiles of up to 6 rows × 2 panels as emitted machine code.
/// </summary>
internal sealed unsafe class Avx512VnniCodes : CodeProduct
{
    // By TileShape.Index; emitted for a kind of weights on its first use, shared by all kernels of the process.
    private static readonly nint[] Tiles = new nint[TileShape.Count];

    public static bool IsSupported => Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0 && ExecutableMemory.IsAllowed;

    protected override int TileRows => CodeTile.MaxRows;

    protected override bool ReadsAllScales => true;

    protected override void Multiply(bool int4, in CodeTile tile, int panels, int rows)
    {
        var shape = new TileShape(int4, tile.ScaleType, panels, rows, tile.FetchLines);
        var code = Volatile.Read(ref Tiles[shape.Index]);
        if (code == 0)
            code = Emit(shape);
        fixed (CodeTile* argument = &tile)
            ((delegate* unmanaged<CodeTile*, void>)code)(argument);
    }

    /// <summary>All tiles for the same kind of weights at once, so that steady work meets none that is missing.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint Emit(TileShape wanted)
    {
        lock (Tiles)
        {
            if (Tiles[wanted.Index] != 0)
                return Tiles[wanted.Index];
            var shapes = wanted.Siblings().ToArray();
            var codes = Array.ConvertAll(shapes, shape => new VnniTileEmitter(shape).Emit());
            if (!ExecutableMemory.TryCreate([.. codes.SelectMany(code => code)], out var start))
                throw new InvalidOperationException("executable memory was granted before and is refused now");
            for (var i = 0; i < shapes.Length; start += codes[i++].Length)
                Volatile.Write(ref Tiles[shapes[i].Index], start);
            return Tiles[wanted.Index];
        }
    }
}
