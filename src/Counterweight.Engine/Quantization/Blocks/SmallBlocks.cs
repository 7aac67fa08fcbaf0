using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Counterweight.Engine.Quantization.Blocks.BlockValues;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>
/// ggml's blocks of 32 values with one scale: element i stands in the low nibble of byte i, element i + 16 in the high one
/// (<c>ggml-common.h</c> of https://github.com/ggml-org/llama.cpp; also <see cref="KBlocks"/>, <see cref="GridBlocks"/>).
/// </summary>
internal static unsafe class SmallBlocks
{
    /// <summary>Half scale, 16 bytes: scale · (code − 8).</summary>
    public static void Q40(byte* block, float* y)
    {
        var (scale, eight) = (Half(block), Vector128.Create((byte)8));
        Scale((Bits(block + 2, 0, 15) - eight).AsSByte(), scale, y);
        Scale((Bits(block + 2, 4, 15) - eight).AsSByte(), scale, y + 16);
    }

    /// <summary>Half scale, half minimum, 16 bytes: scale · code + minimum.</summary>
    public static void Q41(byte* block, float* y)
    {
        var (scale, minimum) = (Half(block), Half(block + 2));
        ScaleAndAdd(Bits(block + 4, 0, 15), scale, minimum, y);
        ScaleAndAdd(Bits(block + 4, 4, 15), scale, minimum, y + 16);
    }

    /// <summary>Half scale, 32 fifth bits, 16 bytes: scale · (code − 16).</summary>
    public static void Q50(byte* block, float* y)
    {
        var (scale, sixteen) = (Half(block), Vector128.Create((byte)16));
        var fifth = Unsafe.ReadUnaligned<uint>(block + 2);
        Scale(((Bits(block + 6, 0, 15) | FifthBits(fifth, 0)) - sixteen).AsSByte(), scale, y);
        Scale(((Bits(block + 6, 4, 15) | FifthBits(fifth, 16)) - sixteen).AsSByte(), scale, y + 16);
    }

    /// <summary>Half scale, half minimum, 32 fifth bits, 16 bytes: scale · code + minimum.</summary>
    public static void Q51(byte* block, float* y)
    {
        var (scale, minimum) = (Half(block), Half(block + 2));
        var fifth = Unsafe.ReadUnaligned<uint>(block + 4);
        ScaleAndAdd(Bits(block + 8, 0, 15) | FifthBits(fifth, 0), scale, minimum, y);
        ScaleAndAdd(Bits(block + 8, 4, 15) | FifthBits(fifth, 16), scale, minimum, y + 16);
    }

    /// <summary>Half scale, 32 signed bytes.</summary>
    public static void Q80(byte* block, float* y)
    {
        var scale = Half(block);
        Scale(Vector128.Load((sbyte*)block + 2), scale, y);
        Scale(Vector128.Load((sbyte*)block + 18), scale, y + 16);
    }

    /// <summary>Half scale, 128 signs: scale where the bit is set, −scale where it isn't.</summary>
    public static void Q10(byte* block, float* y)
    {
        var scale = Half(block);
        for (var i = 0; i < 128; i++)
            y[i] = (block[2 + i / 8] >> (i % 8) & 1) != 0 ? scale : -scale;
    }
}
