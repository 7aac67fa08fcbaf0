using System.Globalization;
using System.Text.RegularExpressions;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>
/// Row-major 8-bit floats, [outputs][inputs], then fp32 scales [row blocks][column blocks]: DeepSeek-V3's 128 × 128 blocks (<c>weight_scale_inv</c>), blocks of
/// another size, one scale for each row, or one for all. weight = code · scale.
/// </summary>
public sealed unsafe partial class Fp8Format : RowFormat
{
    private readonly bool _isE5M2;
    private readonly int _blockRows, _blockColumns; // 0: all

    /// <summary>A format.</summary>
    /// <param name="isE5M2">e5m2 instead of e4m3.</param>
    /// <param name="blockRows">Rows that share a scale; 0 for all.</param>
    /// <param name="blockColumns">Columns that share a scale; 0 for all.</param>
    public Fp8Format(bool isE5M2, int blockRows, int blockColumns) => (_isE5M2, _blockRows, _blockColumns) = (isE5M2, blockRows, blockColumns);

    /// <inheritdoc/>
    public override string Name => $"fp8-{(_isE5M2 ? "e5m2" : "e4m3")}-{_blockRows}x{_blockColumns}";

    /// <summary>The format of that name, or null.</summary>
    public static Fp8Format? Parse(string name) => NamePattern().Match(name) is { Success: true } match
        ? new Fp8Format(match.Groups[1].Value == "e5m2", Number(match, 2), Number(match, 3))
        : null;

    /// <summary>Scales of a matrix: row blocks and column blocks.</summary>
    public (int Rows, int Columns) Scales(int outputs, int inputs) => (Blocks(outputs, _blockRows), Blocks(inputs, _blockColumns));

    /// <summary>Where the scales begin, in bytes.</summary>
    public static long ScalesAt(int outputs, int inputs) => ((long)outputs * inputs + 3) / 4 * 4;

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) =>
        ScalesAt(outputs, inputs) + (long)Blocks(outputs, _blockRows) * Blocks(inputs, _blockColumns) * sizeof(float);

    /// <inheritdoc/>
    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values)
    {
        var source = codes.Pointer + (long)row * codes.Inputs;
        var scales = (float*)(codes.Pointer + ScalesAt(codes.Outputs, codes.Inputs));
        if (_blockRows > 0)
            scales += (long)(row / _blockRows) * Blocks(codes.Inputs, _blockColumns);
        var columns = _blockColumns > 0 ? _blockColumns : codes.Inputs;
        for (var (i, end) = (firstInput, firstInput + count); i < end;)
        {
            var block = i / columns;
            var next = Math.Min(end, (block + 1) * columns);
            Float8.Decode(source + i, _isE5M2, scales[block], values + (i - firstInput), next - i);
            i = next;
        }
    }

    private static int Blocks(int size, int block) => block > 0 ? (size + block - 1) / block : 1;

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("^fp8-(e4m3|e5m2)-([0-9]{1,7})x([0-9]{1,7})$")]
    private static partial Regex NamePattern();
}
