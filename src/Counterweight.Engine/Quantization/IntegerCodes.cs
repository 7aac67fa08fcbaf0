using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Quantization;

/// <summary>Codes and scales while they are being chosen.</summary>
internal sealed class IntegerCodes(int outputs, int inputs, IntegerGrid grid)
{
    private readonly int _groups = grid.Groups(inputs);
    private readonly float[] _scales = new float[outputs * grid.Groups(inputs)];
    private readonly int[] _codes = new int[outputs * inputs];

    /// <summary>The codes of a row, [inputs].</summary>
    public Span<int> Row(int row) => _codes.AsSpan(row * inputs, inputs);

    /// <summary>The scale of a group of a row.</summary>
    public ref float Scale(int row, int group) => ref _scales[row * _groups + group];

    public QuantizedMatrix ToMatrix()
    {
        var isInt4 = grid.Precision == Precision.Int4;
        var rowBytes = isInt4 ? (inputs + 1) / 2 : inputs;
        var bytes = new byte[outputs * rowBytes];
        for (var row = 0; row < outputs; row++)
        {
            var codes = Row(row);
            var target = bytes.AsSpan(row * rowBytes, rowBytes);
            for (var i = 0; i < inputs; i++)
                if (isInt4)
                    target[i / 2] |= (byte)((codes[i] + 8) << (i % 2 * 4));
                else
                    target[i] = (byte)(sbyte)codes[i];
        }
        return new QuantizedMatrix(grid.Precision, outputs, inputs, bytes, _scales);
    }
}
