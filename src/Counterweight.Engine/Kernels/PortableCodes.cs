using Counterweight.Balancing.Plans;

namespace Counterweight.Engine.Kernels;

/// <summary>The scalar reference of <see cref="CodeProduct"/>.</summary>
internal sealed unsafe class PortableCodes : CodeProduct
{
    private const int Width = MatMulKernel.PanelWidth;

    protected override int TileRows(Precision weights) => CodeTile.MaxRows;

    protected override void Multiply(Precision weights, in CodeTile tile, int panels, int rows)
    {
        var int4 = weights == Precision.Int4;
        for (var r = 0; r < rows; r++)
            for (var panel = 0; panel < panels; panel++)
                for (var j = 0; j < Width; j++)
                    ((float*)tile.Y[r])[panel * Width + j] = Sum(
                        int4, tile, (uint*)(panel == 0 ? tile.Codes : tile.NextCodes) + j, (float*)(panel == 0 ? tile.Scales : tile.NextScales) + j, (byte*)tile.X[r]);
    }

    private static float Sum(bool int4, in CodeTile tile, uint* words, float* scale, byte* block)
    {
        var sum = 0f;
        for (var g = 0; g < tile.Groups; g++, block += QuantizedRows.BlockBytes, scale += tile.ScaleStep / sizeof(float))
        {
            var product = 0;
            for (var i = 0; i < QuantizedRows.Group; i++)
                product += ((sbyte*)block)[QuantizedRows.CodesOffset + i] * (int4 ? Int4(words[i / 8 * Width], i % 8) : Int8(words[i / 4 * Width], i % 4));
            sum = MathF.FusedMultiplyAdd(product, *(float*)block * *scale, sum);
            words += (int4 ? 4 : 8) * Width;
        }
        return sum;
    }

    private static int Int8(uint word, int place) => (sbyte)(word >> (place * 8));

    private static int Int4(uint word, int place) => (int)(word >> (place % 4 * 8 + place / 4 * 4) & 15) - 8;
}
