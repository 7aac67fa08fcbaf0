using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>Round-to-nearest onto an integer grid, scales fitted by squared error.</summary>
internal static class IntegerQuantizer
{
    public static QuantizedMatrix Quantize(ReadOnlySpan<float> weights, int outputs, int inputs, IntegerGrid grid)
    {
        var result = new IntegerCodes(outputs, inputs, grid);
        var importance = new float[inputs];
        Array.Fill(importance, 1f);
        for (var row = 0; row < outputs; row++)
            for (var group = 0; group < grid.Groups(inputs); group++)
            {
                var (begin, end) = grid.Bounds(group, inputs);
                var values = weights.Slice(row * inputs + begin, end - begin);
                var scale = grid.FitScale(values, importance);
                result.SetScale(row, group, scale);
                for (var i = begin; i < end; i++)
                    result.Codes[row * inputs + i] = grid.Code(values[i - begin], scale);
            }
        return result.ToMatrix();
    }
}

/// <summary>Codes and scales while they are being chosen.</summary>
internal sealed class IntegerCodes(int outputs, int inputs, IntegerGrid grid)
{
    private readonly float[] _scales = new float[outputs * grid.Groups(inputs)];

    /// <summary>[outputs, inputs].</summary>
    public int[] Codes { get; } = new int[outputs * inputs];

    public void SetScale(int row, int group, float scale) => _scales[row * grid.Groups(inputs) + group] = scale;

    public float Scale(int row, int input) => _scales[row * grid.Groups(inputs) + (grid.Group >= inputs ? 0 : input / grid.Group)];

    public QuantizedMatrix ToMatrix()
    {
        var isInt4 = grid.Precision == Precision.Int4;
        var rowBytes = isInt4 ? (inputs + 1) / 2 : inputs;
        var bytes = new byte[outputs * rowBytes];
        for (var row = 0; row < outputs; row++)
            for (var i = 0; i < inputs; i++)
            {
                var code = Codes[row * inputs + i];
                if (isInt4)
                    bytes[row * rowBytes + i / 2] |= (byte)((code + 8) << (i % 2 * 4));
                else
                    bytes[row * rowBytes + i] = (byte)(sbyte)code;
            }
        return new QuantizedMatrix(grid.Precision, outputs, inputs, bytes, _scales);
    }
}
