using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Kernels;
using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Calibration;

/// <summary>Xᵀ·X as a product over panels: the weighted rows once as panels of 16 columns, once transposed.</summary>
internal static unsafe class SecondMoments
{
    private const int Width = MatMulKernel.PanelWidth;

    [ThreadStatic]
    private static FloatBuffer? _scratch; // [panels][rows][16], [panels · 16][rows], [columns, panels · 16]

    /// <summary>squares += Σ x² over rows of x, [columns].</summary>
    public static void AddSquares(float* x, int rows, int columns, double[] squares)
    {
        var sums = (_scratch ??= new FloatBuffer()).Reserve(columns);
        var sum = new Span<float>(sums, columns);
        sum.Clear();
        for (var r = 0; r < rows; r++)
        {
            var row = new ReadOnlySpan<float>(x + (long)r * columns, columns);
            TensorPrimitives.MultiplyAdd(row, row, sum, sum);
        }
        for (var c = 0; c < columns; c++)
            squares[c] += sums[c];
    }

    /// <summary>moment += Σ gate²·x·xᵀ over rows of x.</summary>
    /// <param name="kernel">Matrix products.</param>
    /// <param name="x">[rows, columns].</param>
    /// <param name="gates">[rows].</param>
    /// <param name="columns">Length of a row.</param>
    /// <param name="moment">[columns, columns].</param>
    public static void Add(MatMulKernel kernel, float* x, ReadOnlySpan<float> gates, int columns, float[] moment)
    {
        var rows = gates.Length;
        var panels = (columns + Width - 1) / Width;
        var panelRows = (_scratch ??= new FloatBuffer()).Reserve((long)panels * Width * (2L * rows + columns));
        var transposed = panelRows + (long)panels * Width * rows;
        var product = transposed + (long)panels * Width * rows;
        for (var panel = 0; panel < panels; panel++)
        {
            var width = Math.Min(Width, columns - panel * Width);
            var block = panelRows + (long)panel * rows * Width;
            WeighColumns(x + panel * Width, gates, columns, width, block);
            Transpose(block, rows, transposed + (long)panel * Width * rows);
        }
        kernel.MultiplyPanels(Precision.Fp32, panelRows, panels, (nint)rows * Width * sizeof(float), rows, transposed, columns, rows, product, panels * Width);
        for (var i = 0; i < columns; i++)
        {
            var row = moment.AsSpan(i * columns, columns);
            TensorPrimitives.Add(row, new ReadOnlySpan<float>(product + (long)i * panels * Width, columns), row);
        }
    }

    /// <summary>block[r] = gate · x[r] for up to 16 columns, zeros behind them.</summary>
    private static void WeighColumns(float* x, ReadOnlySpan<float> gates, int stride, int width, float* block)
    {
        for (var r = 0; r < gates.Length; r++)
        {
            var target = block + (long)r * Width;
            new ReadOnlySpan<float>(x + (long)r * stride, width).CopyTo(new Span<float>(target, width));
            new Span<float>(target + width, Width - width).Clear();
            (Vector512.Load(target) * gates[r]).Store(target);
        }
    }

    /// <summary>[rows][16] → [16][rows], sixteen rows at a time so that both sides stay in the L1 cache.</summary>
    private static void Transpose(float* block, int rows, float* transposed)
    {
        for (var first = 0; first < rows; first += Width)
        {
            var end = Math.Min(first + Width, rows);
            for (var c = 0; c < Width; c++)
                for (var r = first; r < end; r++)
                    transposed[(long)c * rows + r] = block[(long)r * Width + c];
        }
    }
}
