using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// LLM.int8() (Dettmers et al. 2022): input columns with a value of at least 6 in any row of the call are set aside and multiplied with
/// the dequantized weights; the rest of every row is quantized to int8 and multiplied exactly. As the set of columns depends on all rows
/// of a call, so does a row's result: this precision alone is not independent of the batch.
/// </summary>
internal static unsafe class LlmInt8Product
{
    /// <summary>The published threshold.</summary>
    public const float OutlierThreshold = 6f;

    private const int Width = MatMulKernel.PanelWidth;
    private const int PairWidth = 2 * Width;
    private const float CodeMax = LlmInt8Quantizer.CodeMax;

    /// <summary>127² · 1024 is below 2²⁴: sums of so many products of codes are exact in fp32.</summary>
    private const int ExactInputs = 1024;

    [ThreadStatic]
    private static AlignedBuffer? _scratch;

    public static void Multiply(PanelKernel kernel, in PanelBlock panels, in RowBlock rows, int outputs)
    {
        var work = new Work(Scratch.Reserve(ref _scratch, Work.Floats(rows.Count, panels.Inputs)), rows.Count, panels.Inputs);
        var outliers = FindOutliers(rows, panels.Inputs, work.ColumnMaxima, work.Outliers);
        for (var r = 0; r < rows.Count; r++)
        {
            var outlierValues = work.OutlierValues + (nint)r * outliers.Length;
            work.AbsoluteMaxima[r] = Quantize(rows.X(r), work.Codes + (nint)r * panels.Inputs, outlierValues, panels.Inputs, outliers);
        }
        for (var panel = 0; panel < panels.Count; panel += 2)
        {
            var pair = panels.Slice(panel, Math.Min(2, panels.Count - panel));
            MultiplyCodes(kernel, pair, work.Codes, rows.Count, work.Widened, work.Partial, work.Sums);
            MultiplyOutliers(kernel, pair, work, rows.Count, outliers);
            for (var r = 0; r < rows.Count; r++)
                StoreRow(pair, work, r, rows.Y(r) + panel * Width, Math.Min(PairWidth, outputs - panel * Width), outliers.Length > 0);
        }
    }

    /// <summary>The columns with an outlier in any row, in rising order.</summary>
    /// <param name="rows">Activations.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="maxima">Scratch, [inputs].</param>
    /// <param name="outliers">Room for the result, [inputs].</param>
    public static ReadOnlySpan<int> FindOutliers(in RowBlock rows, int inputs, float* maxima, int* outliers)
    {
        var largest = new Span<float>(maxima, inputs);
        largest.Clear();
        for (var r = 0; r < rows.Count; r++)
            TensorPrimitives.MaxMagnitude(largest, new ReadOnlySpan<float>(rows.X(r), inputs), largest);
        var count = 0;
        for (var i = 0; i < inputs; i++)
            if (MathF.Abs(maxima[i]) >= OutlierThreshold)
                outliers[count++] = i;
        return new ReadOnlySpan<int>(outliers, count);
    }

    /// <summary>One row as codes, 0 in outlier columns; the result is its absolute maximum without those.</summary>
    /// <param name="x">The row, [inputs].</param>
    /// <param name="codes">Whole numbers −127..127, [inputs].</param>
    /// <param name="outlierValues">What stands in the outlier columns, [outliers].</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="outliers">Columns that are set aside.</param>
    public static float Quantize(float* x, float* codes, float* outlierValues, int inputs, ReadOnlySpan<int> outliers)
    {
        var row = new Span<float>(codes, inputs);
        new ReadOnlySpan<float>(x, inputs).CopyTo(row);
        for (var o = 0; o < outliers.Length; o++)
        {
            outlierValues[o] = x[outliers[o]];
            codes[outliers[o]] = 0;
        }
        var absmax = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(row));
        TensorPrimitives.Multiply(row, LlmInt8Quantizer.CodeScale(absmax), row);
        TensorPrimitives.Round(row, row);
        return absmax;
    }

    /// <summary>The int32 products of the codes of all rows with those of one or two panels, [rows][32].</summary>
    public static void MultiplyCodes(
        PanelKernel kernel, in PanelBlock pair, float* codes, int rows, float* widened, float* partial, int* sums)
    {
        // The codes alone.
        var ones = stackalloc float[Width];
        new Span<float>(ones, Width).Fill(1);
        kernel.Widen(Precision.LlmInt8, pair.WithScales(ones, 0), widened);
        new Span<int>(sums, rows * PairWidth).Clear();
        var all = new RowBlock(codes, pair.Inputs, partial, PairWidth, rows);
        for (var begin = 0; begin < pair.Inputs; begin += ExactInputs)
        {
            var length = Math.Min(ExactInputs, pair.Inputs - begin);
            var block = PanelBlock.OfFloats(widened + (nint)begin * Width, (nint)pair.Inputs * Width, pair.Count, length);
            kernel.MultiplyTiles(Precision.Fp32, block, all.FromInput(begin));
            for (var i = 0; i < rows * PairWidth; i += Width)
                (Vector512.Load(sums + i) + Vector512.ConvertToInt32(Vector512.Load(partial + i))).Store(sums + i);
        }
    }

    /// <summary>Outlier columns × dequantized half weights, into the work's <c>Partial</c>.</summary>
    private static void MultiplyOutliers(PanelKernel kernel, in PanelBlock pair, in Work work, int rows, ReadOnlySpan<int> outliers)
    {
        if (outliers.IsEmpty)
            return;
        // Outlier columns move to the front of the widened panels: no column lies before the place that it moves to.
        for (var panel = 0; panel < pair.Count; panel++)
        {
            var weights = work.Widened + (nint)panel * pair.Inputs * Width;
            for (var o = 0; o < outliers.Length; o++)
                DequantizeToHalf(weights + (nint)outliers[o] * Width, (float*)pair.Scales(panel), weights + (nint)o * Width);
        }
        var block = PanelBlock.OfFloats(work.Widened, (nint)pair.Inputs * Width, pair.Count, outliers.Length);
        kernel.MultiplyTiles(Precision.Fp32, block, new RowBlock(work.OutlierValues, outliers.Length, work.Partial, PairWidth, rows));
    }

    /// <summary>code · absmax / 127 as the nearest half, as published, for 16 outputs.</summary>
    private static void DequantizeToHalf(float* codes, float* absmax, float* weights)
    {
        Span<Half> halves = stackalloc Half[Width];
        var result = new Span<float>(weights, Width);
        TensorPrimitives.Multiply(new ReadOnlySpan<float>(codes, Width), new ReadOnlySpan<float>(absmax, Width), result);
        TensorPrimitives.Divide(result, CodeMax, result);
        TensorPrimitives.ConvertToHalf(result, halves);
        TensorPrimitives.ConvertToSingle(halves, result);
    }

    private static void StoreRow(in PanelBlock pair, in Work work, int row, float* y, int outputs, bool hasOutliers)
    {
        var results = stackalloc float[PairWidth];
        for (var panel = 0; panel < pair.Count; panel++)
        {
            var at = (nint)row * PairWidth + panel * Width;
            var scale = Vector512.Load((float*)pair.Scales(panel)) * (work.AbsoluteMaxima[row] / (CodeMax * CodeMax));
            var result = Vector512.ConvertToSingle(Vector512.Load(work.Sums + at)) * scale;
            if (hasOutliers)
                result += Vector512.Load(work.Partial + at);
            result.Store(results + panel * Width);
        }
        new ReadOnlySpan<float>(results, outputs).CopyTo(new Span<float>(y, outputs));
    }

    /// <summary>The parts of the thread's scratch.</summary>
    private readonly struct Work(float* start, int rows, int inputs)
    {
        public static long Floats(int rows, int inputs) => (long)inputs * (PairWidth + 2 * rows + 2) + rows * (2L * PairWidth + 1);

        public float* Widened => start;                                         // [2][inputs][16]

        public float* Partial => Widened + (nint)inputs * PairWidth;            // [rows][32]

        public int* Sums => (int*)(Partial + (nint)rows * PairWidth);           // [rows][32]

        public float* Codes => (float*)(Sums + (nint)rows * PairWidth);         // [rows][inputs]

        public float* OutlierValues => Codes + (nint)rows * inputs;             // [rows][outliers]

        public float* ColumnMaxima => OutlierValues + (nint)rows * inputs;      // [inputs]

        public int* Outliers => (int*)(ColumnMaxima + inputs);                  // [outliers]

        public float* AbsoluteMaxima => (float*)(Outliers + inputs);            // [rows]
    }
}
