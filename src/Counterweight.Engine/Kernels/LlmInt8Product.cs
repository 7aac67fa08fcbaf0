using System.Runtime.Intrinsics;

namespace Counterweight.Engine.Kernels;

/// <summary>
/// LLM.int8() (Dettmers et al. 2022): input columns with a value of at least 6 in any row of the call are set aside and multiplied with
/// the dequantized weights; the rest of every row is quantized to int8 and multiplied exactly in integers. As the set of columns depends
/// on all rows of a call, so does a row's result: this precision alone is not independent of the batch.
/// </summary>
internal static unsafe class LlmInt8Product
{
    /// <summary>The published threshold.</summary>
    public const float OutlierThreshold = 6f;

    private const int Width = MatMulKernel.PanelWidth;
    private const float CodeMax = 127f;

    [ThreadStatic]
    private static AlignedBuffer? _scratch;

    public static void Multiply(PackedMatrix weights, int firstPanel, int panelCount, float* x, int rows, int xStride, float* y, int yStride)
    {
        var inputs = weights.Inputs;
        var scratch = Reserve((long)inputs * (sizeof(int) + 1) + rows * ((long)inputs * sizeof(int) + sizeof(float)));
        var codes = (int*)scratch;                     // [rows, inputs], 0 in outlier columns
        var absmax = (float*)(codes + (long)rows * inputs); // [rows]
        var outliers = (int*)(absmax + rows);          // [count]
        var count = FindOutliers(x, rows, xStride, inputs, outliers, (byte*)(outliers + inputs));
        for (var r = 0; r < rows; r++)
            absmax[r] = Quantize(x + (long)r * xStride, inputs, (byte*)(outliers + inputs), codes + (long)r * inputs);
        for (var panel = firstPanel; panel < firstPanel + panelCount; panel++)
            for (var r = 0; r < rows; r++)
                MultiplyRow(weights, panel, x + (long)r * xStride, codes + (long)r * inputs, absmax[r], outliers, count, y + (long)r * yStride);
    }

    /// <summary>The columns with an outlier in any row.</summary>
    public static int FindOutliers(float* x, int rows, int xStride, int inputs, int* outliers, byte* isOutlier)
    {
        var count = 0;
        for (var i = 0; i < inputs; i++)
        {
            isOutlier[i] = 0;
            for (var r = 0; r < rows && isOutlier[i] == 0; r++)
                isOutlier[i] = MathF.Abs(x[(long)r * xStride + i]) >= OutlierThreshold ? (byte)1 : (byte)0;
            if (isOutlier[i] == 1)
                outliers[count++] = i;
        }
        return count;
    }

    /// <summary>Codes of one row without its outlier columns; the result is the row's absolute maximum.</summary>
    public static float Quantize(float* x, int inputs, byte* isOutlier, int* codes)
    {
        var absmax = 0f;
        for (var i = 0; i < inputs; i++)
            if (isOutlier[i] == 0)
                absmax = MathF.Max(absmax, MathF.Abs(x[i]));
        var scale = absmax > 0 ? CodeMax / absmax : 0;
        for (var i = 0; i < inputs; i++)
            codes[i] = isOutlier[i] == 0 ? (int)MathF.Round(x[i] * scale) : 0;
        return absmax;
    }

    private static void MultiplyRow(PackedMatrix weights, int panel, float* x, int* codes, float absmax, int* outliers, int count, float* y)
    {
        var panelCodes = (sbyte*)weights.Codes(panel);
        var sum = Vector512<int>.Zero;
        for (var i = 0; i < weights.Inputs; i++)
            sum += Widen(panelCodes + i * Width) * codes[i];
        var weightScale = Vector512.Load((float*)weights.Scales(panel));
        var result = Vector512.ConvertToSingle(sum) * (weightScale * (absmax / (CodeMax * CodeMax)));
        for (var o = 0; o < count; o++)
            result += Vector512.ConvertToSingle(Widen(panelCodes + outliers[o] * Width)) * (weightScale * (1 / CodeMax)) * x[outliers[o]];
        var outputs = Math.Min(Width, weights.Outputs - panel * Width);
        var row = stackalloc float[Width];
        result.Store(row);
        new ReadOnlySpan<float>(row, outputs).CopyTo(new Span<float>(y + panel * Width, outputs));
    }

    private static Vector512<int> Widen(sbyte* codes)
    {
        var (low, high) = Vector128.Widen(Vector128.Load(codes));
        return Vector512.Create(
            Vector256.Create(Vector128.WidenLower(low), Vector128.WidenUpper(low)),
            Vector256.Create(Vector128.WidenLower(high), Vector128.WidenUpper(high)));
    }

    private static byte* Reserve(long bytes)
    {
        if (_scratch is null || _scratch.Bytes < bytes)
        {
            _scratch?.Dispose();
            _scratch = new AlignedBuffer(bytes);
        }
        return (byte*)_scratch.Pointer;
    }
}
