using System.Runtime.Intrinsics;
using static Counterweight.Engine.Quantization.Blocks.BlockValues;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>ggml's K-quants: 256 values, in groups whose small integer scales stand beside one or two halves.</summary>
internal static unsafe class KBlocks
{
    /// <summary>16 bytes of (scale, minimum) nibbles, 64 bytes of 2-bit codes, half scale, half minimum.</summary>
    public static void Q2(byte* block, float* y)
    {
        var (scale, minimum) = (Half(block + 80), Half(block + 82));
        for (var group = 0; group < 16; group++)
            ScaleAndAdd(
                Bits(block + 16 + TwoBitPlace(group, out var shift), shift, 3),
                scale * (block[group] & 15), -(minimum * (block[group] >> 4)), y + 16 * group);
    }

    /// <summary>32 bytes of high bits (set: nothing, clear: −4), 64 bytes of low 2 bits, 16 six-bit scales in 12 bytes, half scale.</summary>
    public static void Q3(byte* block, float* y)
    {
        var scale = Half(block + 108);
        var scales = block + 96;
        var four = Vector128.Create((byte)4);
        for (var group = 0; group < 16; group++)
        {
            var low = Bits(block + 32 + TwoBitPlace(group, out var shift), shift, 3);
            var high = Bits(block + group % 2 * 16, group / 2, 1) << 2;
            var code = (scales[group % 8] >> (group / 8 * 4) & 15) | (scales[8 + group % 4] >> (group / 4 * 2) & 3) << 4;
            Scale((low + high - four).AsSByte(), scale * (code - 32), y + 16 * group);
        }
    }

    /// <summary>Half scale, half minimum, 8 six-bit (scale, minimum) in 12 bytes, 128 bytes of nibbles.</summary>
    public static void Q4(byte* block, float* y)
    {
        var (scale, minimum) = (Half(block), Half(block + 2));
        for (var group = 0; group < 8; group++, y += 32)
        {
            var (s, m) = ScaleAndMinimum(block + 4, group);
            var codes = block + 16 + group / 2 * 32;
            var shift = group % 2 * 4;
            ScaleAndAdd(Bits(codes, shift, 15), scale * s, -(minimum * m), y);
            ScaleAndAdd(Bits(codes + 16, shift, 15), scale * s, -(minimum * m), y + 16);
        }
    }

    /// <summary>The same with 32 bytes of fifth bits before the nibbles.</summary>
    public static void Q5(byte* block, float* y)
    {
        var (scale, minimum) = (Half(block), Half(block + 2));
        for (var group = 0; group < 8; group++, y += 32)
        {
            var (s, m) = ScaleAndMinimum(block + 4, group);
            var codes = block + 48 + group / 2 * 32;
            var shift = group % 2 * 4;
            ScaleAndAdd(Bits(codes, shift, 15) | Bits(block + 16, group, 1) << 4, scale * s, -(minimum * m), y);
            ScaleAndAdd(Bits(codes + 16, shift, 15) | Bits(block + 32, group, 1) << 4, scale * s, -(minimum * m), y + 16);
        }
    }

    /// <summary>128 bytes of low nibbles, 64 bytes of high 2 bits, 16 signed scales, half scale.</summary>
    public static void Q6(byte* block, float* y)
    {
        var scale = Half(block + 208);
        var scales = (sbyte*)block + 192;
        var offset = Vector128.Create((byte)32);
        for (var group = 0; group < 16; group++)
        {
            // Of each half of the block: two stretches of low nibbles, then the high nibbles of the same bytes.
            var low = Bits(block + group / 8 * 64 + group % 4 * 16, group % 8 / 4 * 4, 15);
            var high = Bits(block + 128 + group / 8 * 32 + group % 2 * 16, group % 8 / 2 * 2, 3) << 4;
            Scale(((low | high) - offset).AsSByte(), scale * scales[group], y + 16 * group);
        }
    }

    /// <summary>Single scale, 256 signed bytes (their sums, which follow, are of no use here).</summary>
    public static void Q8(byte* block, float* y)
    {
        var scale = System.Runtime.CompilerServices.Unsafe.ReadUnaligned<float>(block);
        for (var i = 0; i < 256; i += 16)
            Scale(Vector128.Load((sbyte*)block + 4 + i), scale, y + i);
    }

    /// <summary>Where the 2-bit codes of 16 values start: 32 bytes hold 128 values, the lowest bits of all bytes first.</summary>
    private static int TwoBitPlace(int group, out int shift)
    {
        shift = group % 8 / 2 * 2;
        return group / 8 * 32 + group % 2 * 16;
    }

    /// <summary>Bytes 0-3: low six bits of scales 0-3; 4-7: of minima 0-3; 8-11: low nibbles of both 4-7, whose high two bits top bytes 0-7.</summary>
    private static (int Scale, int Minimum) ScaleAndMinimum(byte* packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | packed[group - 4] >> 6 << 4, packed[group + 4] >> 4 | packed[group] >> 6 << 4);
}
