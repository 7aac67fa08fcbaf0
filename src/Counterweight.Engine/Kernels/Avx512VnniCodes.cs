using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> with AVX512-VNNI, which .NET has no intrinsics for: tiles of up to 6 rows × 2 panels as emitted machine code.
/// </summary>
internal sealed unsafe class Avx512VnniCodes : CodeProduct
{
    // By TileShape.Index; emitted on first use, shared by all kernels of the process.
    private static readonly nint[] Tiles = new nint[TileShape.Count];

    public static bool IsSupported => Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0 && ExecutableMemory.IsAllowed;

    protected override int TileRows => CodeTile.MaxRows;

    protected override bool ReadsAllScales => true;

    protected override void Multiply(bool int4, in CodeTile tile, int panels, int rows)
    {
        var shape = new TileShape(int4, tile.ScaleType, panels, rows, tile.FetchLines);
        ref var entry = ref Tiles[shape.Index];
        var code = Volatile.Read(ref entry);
        if (code == 0)
            code = Emit(ref entry, shape);
        fixed (CodeTile* argument = &tile)
            ((delegate* unmanaged<CodeTile*, void>)code)(argument);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint Emit(ref nint entry, TileShape shape)
    {
        lock (Tiles)
        {
            if (entry == 0 && ExecutableMemory.TryCreate(new VnniTileEmitter(shape).Emit(), out var code))
                Volatile.Write(ref entry, code);
            return entry != 0 ? entry : throw new InvalidOperationException("executable memory was granted before and is refused now");
        }
    }
}
