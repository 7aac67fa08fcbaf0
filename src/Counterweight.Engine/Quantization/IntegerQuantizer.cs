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
                var scale = result.Scale(row, group) = grid.FitScale(values, importance.AsSpan(begin, end - begin));
                for (var i = begin; i < end; i++)
                    result.Row(row)[i] = grid.Code(values[i - begin], scale);
            }
        return result.ToMatrix();
    }
}
