using System.Buffers;
using System.Runtime.InteropServices;
using Counterweight.Engine.Threading;

namespace Counterweight.Engine.Kernels;

/// <summary>Reads a row of a matrix that is to be packed.</summary>
/// <param name="output">Which.</param>
/// <param name="codes">Receives its codes.</param>
/// <param name="scales">Receives its scales.</param>
internal delegate void PackingRow(int output, Span<byte> codes, Span<float> scales);

/// <summary>Fills panels: sixteen rows are read, then written word by word, so that a panel is written once from front to back.</summary>
/// <param name="layout">How panels lie.</param>
/// <param name="block">The panels, all zeros.</param>
/// <param name="outputs">Rows.</param>
/// <param name="read">Where they come from; called from several threads.</param>
internal sealed unsafe class PanelPacking(PanelLayout layout, PanelBlock block, int outputs, PackingRow read) : IParallelWork
{
    private const int Width = MatMulKernel.PanelWidth;

    /// <summary>Words of a row, the last one filled up with zeros.</summary>
    private readonly int _words = (layout.RowBytes + sizeof(uint) - 1) / sizeof(uint);

    /// <summary>Packs all panels, by the threads of a pool if there is one.</summary>
    public void Run(WorkerPool? pool)
    {
        if (pool is not null)
            pool.Run(this, block.Count);
        else
            for (var panel = 0; panel < block.Count; panel++)
                Run(panel, worker: 0);
    }

    /// <inheritdoc/>
    public void Run(int panel, int worker)
    {
        var rows = Math.Min(Width, outputs - panel * Width);
        var words = ArrayPool<uint>.Shared.Rent(Width * _words);
        var scales = ArrayPool<float>.Shared.Rent(2 * Width * layout.ScalesPerRow);
        Array.Clear(words, 0, Width * _words);
        Array.Clear(scales, 0, Width * layout.ScalesPerRow);
        for (var r = 0; r < rows; r++)
            read(
                panel * Width + r, MemoryMarshal.AsBytes(words.AsSpan(r * _words, _words))[..layout.RowBytes],
                scales.AsSpan(r * layout.ScalesPerRow, layout.ScalesPerRow));
        WriteCodes(words, (uint*)block.Codes(panel));
        if (layout.ScalesPerRow > 0)
            WriteScales(scales.AsSpan(0, 2 * Width * layout.ScalesPerRow), block.Scales(panel));
        ArrayPool<uint>.Shared.Return(words);
        ArrayPool<float>.Shared.Return(scales);
    }

    private void WriteCodes(Span<uint> rows, uint* panel)
    {
        fixed (uint* row = rows)
            for (var w = 0; w < _words; w++)
                for (var r = 0; r < Width; r++)
                    panel[w * Width + r] = row[r * _words + w];
        layout.ToPanel(new Span<uint>(panel, _words * Width));
    }

    /// <param name="scales">[16][scales of a row], and as much room behind them.</param>
    /// <param name="panel">Receives [scales of a row][16].</param>
    private void WriteScales(Span<float> scales, byte* panel)
    {
        var perRow = layout.ScalesPerRow;
        var turned = scales[(Width * perRow)..];
        for (var s = 0; s < perRow; s++)
            for (var r = 0; r < Width; r++)
                turned[s * Width + r] = scales[r * perRow + s];
        layout.Scales.Narrow(turned, panel);
    }
}
