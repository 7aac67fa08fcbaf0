using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// Quantized activations × weights. int8 × int8 or int4: for each 32 inputs the product of codes is summed exactly in int32, then
/// sum += float(product) · (weight scale · activation scale), fused, in input order: every variant gives the same bits, whatever the rows
/// and panels of the call. bf16 × bf16, where a variant has it: sums in fp32 in input order.
/// </summary>
internal abstract unsafe class CodeProduct
{
    private const int Width = MatMulKernel.PanelWidth;
    private const int Group = QuantizedRows.Group;

    [ThreadStatic]
    private static AlignedBuffer? _scales; // [2][groups][16]

    /// <summary>Rows of the largest tile.</summary>
    protected abstract int TileRows(Precision weights);

    /// <summary>Whether tiles read scales as they are kept; otherwise they are widened to fp32 ahead, once for all rows.</summary>
    protected virtual bool ReadsAllScales => false;

    /// <summary>What activations have to be for such weights; by default int8 for integers, and nothing else is multiplied.</summary>
    public virtual ActivationFormat ActivationsFor(Precision codes) => codes is Precision.Int8 or Precision.Int4 ? ActivationFormat.Int8 : ActivationFormat.Single;

    /// <summary>Rows as the tiles read them, valid until the thread's next call: made once for all panels where that is not how they come.</summary>
    protected virtual byte** Prepare(Precision weights, byte** x, int rows, int groups) => x;

    /// <summary>One tile.</summary>
    /// <param name="weights">What they are, among those that <see cref="ActivationsFor(Precision)"/> has a format for.</param>
    /// <param name="tile">What to multiply.</param>
    /// <param name="panels">1 or 2.</param>
    /// <param name="rows">1 to <see cref="TileRows(Precision)"/>.</param>
    protected abstract void Multiply(Precision weights, in CodeTile tile, int panels, int rows);

    /// <summary>All rows against panels of a matrix; never writes outputs that the matrix does not have.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="firstPanel">First panel.</param>
    /// <param name="panelCount">Panels.</param>
    /// <param name="x">Quantized rows.</param>
    /// <param name="rows">How many.</param>
    /// <param name="y">[rows, outputs]; points at output 0.</param>
    /// <param name="yStride">Floats from row to row.</param>
    /// <param name="after">Codes that will be read after these panels; null if that is not known.</param>
    public void Multiply(PackedMatrix weights, int firstPanel, int panelCount, byte** x, int rows, float* y, int yStride, byte* after)
    {
        var panels = weights.Block;
        var scaleVectors = weights.Scales.PerRow(weights.Inputs);
        var groups = (weights.Inputs + Group - 1) / Group;
        var asTheyAre = ReadsAllScales && (scaleVectors <= 1 || weights.Scales.Group == Group);
        var vectorBytes = asTheyAre ? Width * weights.Scales.Bytes : Width * sizeof(float);
        var buffer = asTheyAre ? null : Scratch.Reserve(ref _scales, 4L * (scaleVectors + groups) * Width);
        x = Prepare(weights.Codes, x, rows, groups);
        var tile = new CodeTile
        {
            Groups = groups,
            ScaleStep = scaleVectors <= 1 ? 0 : vectorBytes,
            ScaleType = asTheyAre ? weights.Scales.Type : ScaleType.Single,
            ScalesAhead = 2 * (nint)(panels.Scales(1) - panels.Scales(0)),
        };
        for (var panel = firstPanel; panel < firstPanel + panelCount; panel += 2)
        {
            var pair = Math.Min(2, firstPanel + panelCount - panel);
            tile.Codes = panels.Codes(panel);
            tile.NextCodes = panels.Codes(panel + pair - 1);
            tile.Scales = asTheyAre ? panels.Scales(panel) : (byte*)WidenScales(weights, panels.Scales(panel), pair * scaleVectors, buffer);
            tile.NextScales = tile.Scales + (nint)(pair - 1) * (scaleVectors <= 1 ? scaleVectors : groups) * vectorBytes;
            tile.Next = panel + pair < firstPanel + panelCount ? panels.Codes(panel + pair) : after;
            MultiplyPair(weights.Codes, ref tile, pair, Math.Min(pair * Width, weights.Outputs - panel * Width), x, rows, y + (nint)panel * Width, yStride);
        }
        GC.KeepAlive(weights);
    }

    /// <summary>All rows, as bfloat16, against bf16 panels that the caller keeps; whole panels of results.</summary>
    /// <param name="panels">Their inputs are a multiple of 32.</param>
    /// <param name="x">Rounded rows.</param>
    /// <param name="rows">How many.</param>
    /// <param name="y">[rows, panels · 16].</param>
    /// <param name="yStride">Floats from row to row.</param>
    /// <param name="after">What will be read after these panels; null if that is not known.</param>
    public void MultiplyPanels(in PanelBlock panels, byte** x, int rows, float* y, int yStride, byte* after)
    {
        var tile = new CodeTile { Groups = panels.Inputs / Group };
        for (var panel = 0; panel < panels.Count; panel += 2)
        {
            var pair = Math.Min(2, panels.Count - panel);
            tile.Codes = panels.Codes(panel);
            tile.NextCodes = panels.Codes(panel + pair - 1);
            tile.Next = panel + pair < panels.Count ? panels.Codes(panel + pair) : after;
            MultiplyPair(Precision.Bf16, ref tile, pair, pair * Width, x, rows, y + (nint)panel * Width, yStride);
        }
    }

    /// <summary>Brings the next lines of codes near; returns where to go on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static byte* Fetch(byte* next, int lines)
    {
        if (!Sse.IsSupported)
            return next;
        for (var line = 0; line < lines; line += 2)
        {
            Sse.Prefetch0(next + 64 * line);
            Sse.Prefetch0(next + 64 * line + 64);
        }
        return next + 64 * lines;
    }

    /// <summary>fp32 scales of one or two panels, a vector for each 32 inputs or one for all.</summary>
    private static float* WidenScales(PackedMatrix weights, byte* scales, int vectors, float* buffer)
    {
        var widened = weights.Scales.Widen(scales, vectors * Width, buffer);
        if (weights.Scales.Group is 0 or Group)
            return widened;
        var (repeats, groups, perRow) = (weights.Scales.Group / Group, (weights.Inputs + Group - 1) / Group, weights.Scales.PerRow(weights.Inputs));
        if (perRow == 1)
            return widened;
        var spread = buffer + (nint)2 * perRow * Width;
        for (var panel = 0; panel < vectors / perRow; panel++)
            for (var g = 0; g < groups; g++)
                new ReadOnlySpan<float>(widened + ((nint)panel * perRow + g / repeats) * Width, Width)
                    .CopyTo(new Span<float>(spread + ((nint)panel * groups + g) * Width, Width));
        return spread;
    }

    /// <summary>
    /// The next panels are fetched while these are multiplied, where there are several tiles of rows one half by each of the first two: hardware fetches along a panel,
    /// but not on to the next one, and a core that first reads and then computes would leave memory idle half of the time.
    /// </summary>
    private static void ShareFetches(ref CodeTile tile, Precision codes, int part, int parts, int panels)
    {
        var share = TileShape.LinesOf(codes) / Math.Min(parts, 2);
        tile.FetchLines = tile.Next is not null && part < 2 ? share : 0;
        tile.Next += part * share * panels * tile.Groups * 64;
    }

    [SkipLocalsInit]
    private void MultiplyPair(Precision codes, ref CodeTile tile, int pair, int outputs, byte** x, int rows, float* y, int yStride)
    {
        var results = stackalloc float[CodeTile.MaxRows * 2 * Width];
        var tileRows = TileRows(codes);
        var tiles = (rows + tileRows - 1) / tileRows;
        for (var t = 0; t < tiles; t++)
        {
            // Even tiles: the last one would leave the multipliers waiting if it had a row or two.
            var first = (int)((long)rows * t / tiles);
            var count = (int)((long)rows * (t + 1) / tiles) - first;
            for (var r = 0; r < count; r++)
            {
                tile.X[r] = (nint)x[first + r];
                tile.Y[r] = outputs == pair * Width ? (nint)(y + (nint)(first + r) * yStride) : (nint)(results + r * 2 * Width);
            }
            var next = tile.Next;
            ShareFetches(ref tile, codes, t, tiles, pair);
            Multiply(codes, tile, pair, count);
            tile.Next = next;
            for (var r = 0; r < count && outputs < pair * Width; r++)
                new ReadOnlySpan<float>(results + r * 2 * Width, outputs).CopyTo(new Span<float>(y + (nint)(first + r) * yStride, outputs));
        }
    }
}
