using System.Runtime.Intrinsics;
using static Counterweight.Engine.Quantization.Blocks.BlockValues;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>256 values of −1, 0 and 1 times one half scale at the block's end.</summary>
internal static unsafe class TernaryBlocks
{
    /// <summary>Five digits to base 3 in a byte, as fractions of 256: 32 bytes, 16 bytes, then 4 bytes of four digits.</summary>
    public static void Tq10(byte* block, float* y)
    {
        var scale = Half(block + 52);
        y = Digits(block, 32, 5, scale, y);
        y = Digits(block + 32, 16, 5, scale, y);
        Digits(block + 48, 4, 4, scale, y);
    }

    /// <summary>Two bits each: two groups of 32 bytes, the lowest bits of all bytes first.</summary>
    public static void Tq20(byte* block, float* y)
    {
        var (scale, one) = (Half(block + 64), Vector128<byte>.One);
        for (var group = 0; group < 2; group++)
            for (var shift = 0; shift < 8; shift += 2, y += 32)
            {
                Scale((Bits(block + 32 * group, shift, 3) - one).AsSByte(), scale, y);
                Scale((Bits(block + 32 * group + 16, shift, 3) - one).AsSByte(), scale, y + 16);
            }
    }

    private static float* Digits(byte* bytes, int count, int digits, float scale, float* y)
    {
        for (int digit = 0, power = 1; digit < digits; digit++, power *= 3)
            for (var i = 0; i < count; i++)
                *y++ = scale * (((byte)(bytes[i] * power) * 3 >> 8) - 1);
        return y;
    }
}
