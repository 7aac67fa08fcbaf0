using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// <see cref="CodeProduct"/> with AVX512-VNNI and, where the processor has it, AVX512-BF16, which .NET has no intrinsics for: tiles of up to 6 rows × 2 panels as
/// emitted machine code.
/// </summary>
internal sealed unsafe class EmittedCodes : CodeProduct
{
    // By TileShape.Index; emitted for a kind of weights on its first use, shared by all kernels of the process.
    private static readonly nint[] Tiles = new nint[TileShape.Count];

    public static bool IsSupported => Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0 && ExecutableMemory.IsAllowed;

    /// <summary>Whether bf16 is multiplied as well.</summary>
    public static bool HasBFloat16 { get; } = IsSupported && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;

    protected override int TileRows(Precision weights) => TileShape.MaxRowsOf(weights);

    protected override bool ReadsAllScales => true;

    public override ActivationFormat ActivationsFor(Precision codes) =>
        codes == Precision.Bf16 && HasBFloat16 ? ActivationFormat.BFloat16 : base.ActivationsFor(codes);

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var shape = new TileShape(weights, tile.ScaleType, panels, rows, tile.FetchLines);
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
            var codes = Array.ConvertAll(shapes, shape => new TileEmitter(shape).Emit());
            if (!ExecutableMemory.TryCreate([.. codes.SelectMany(code => code)], out var start))
                throw new InvalidOperationException("executable memory was granted before and is refused now");
            for (var i = 0; i < shapes.Length; start += codes[i++].Length)
                Volatile.Write(ref Tiles[shapes[i].Index], start);
            return Tiles[wanted.Index];
        }
    }
}
