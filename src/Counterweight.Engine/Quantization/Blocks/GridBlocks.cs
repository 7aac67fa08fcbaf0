using System.Numerics;
using System.Runtime.CompilerServices;
using static Counterweight.Engine.Quantization.Blocks.BlockValues;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>ggml's IQ types of 1 to 3 bits: 256 values as indices of lattice points with signs and a scale for each 16 or 32 values.</summary>
internal static unsafe class GridBlocks
{
    private const float Delta = 0.125f;

    /// <summary>Half scale; for each 32 values 4 indices, then 4 × 7 signs and a 4-bit scale.</summary>
    public static void Iq2Xxs(byte* block, float* y)
    {
        var scale = Half(block);
        for (var part = 0; part < 8; part++)
        {
            var indices = block + 2 + 8 * part;
            var rest = Unsafe.ReadUnaligned<uint>(indices + 4);
            var step = scale * (0.5f + (rest >> 28)) * 0.25f;
            for (var i = 0; i < 4; i++, y += 8)
                Point(LatticeGrids.Iq2Xxs[indices[i]], EvenSigns(rest >> (7 * i)), step, y);
        }
    }

    /// <summary>Half scale, 32 × (9-bit index, 7 signs), 16 four-bit scales.</summary>
    public static void Iq2Xs(byte* block, float* y)
    {
        var scale = Half(block);
        for (var i = 0; i < 32; i++, y += 8)
        {
            var code = Unsafe.ReadUnaligned<ushort>(block + 2 + 2 * i);
            var step = scale * (0.5f + (block[66 + i / 4] >> (i / 2 % 2 * 4) & 15)) * 0.25f;
            Point(LatticeGrids.Iq2Xs[code & 511], EvenSigns((uint)code >> 9), step, y);
        }
    }

    /// <summary>Half scale, 32 low index bytes, 32 sign bytes, 32 × 2 high index bits, 16 four-bit scales.</summary>
    public static void Iq2S(byte* block, float* y)
    {
        var scale = Half(block);
        for (var i = 0; i < 32; i++, y += 8)
        {
            var index = block[2 + i] | (block[66 + i / 4] >> (i % 4 * 2) & 3) << 8;
            var step = scale * (0.5f + (block[74 + i / 4] >> (i / 2 % 2 * 4) & 15)) * 0.25f;
            Point(LatticeGrids.Iq2S[index], block[34 + i], step, y);
        }
    }

    /// <summary>Half scale, 64 indices, then for each 32 values 4 × 7 signs and a 4-bit scale.</summary>
    public static void Iq3Xxs(byte* block, float* y)
    {
        var scale = Half(block);
        for (var part = 0; part < 8; part++)
        {
            var rest = Unsafe.ReadUnaligned<uint>(block + 66 + 4 * part);
            var step = scale * (0.5f + (rest >> 28)) * 0.5f;
            for (var i = 0; i < 4; i++, y += 8)
            {
                var indices = block + 2 + 8 * part + 2 * i;
                Point(LatticeGrids.Iq3Xxs[indices[0]] | (ulong)LatticeGrids.Iq3Xxs[indices[1]] << 32, EvenSigns(rest >> (7 * i)), step, y);
            }
        }
    }

    /// <summary>Half scale, 64 low index bytes, 64 high index bits, 32 sign bytes, 8 four-bit scales.</summary>
    public static void Iq3S(byte* block, float* y)
    {
        var scale = Half(block);
        for (var i = 0; i < 32; i++, y += 8)
        {
            var high = block[66 + i / 4] >> (i % 4 * 2);
            var (first, second) = (block[2 + 2 * i] | (high & 1) << 8, block[3 + 2 * i] | (high & 2) << 7);
            var step = scale * (1 + 2 * (block[106 + i / 8] >> (i / 4 % 2 * 4) & 15));
            Point(LatticeGrids.Iq3S[first] | (ulong)LatticeGrids.Iq3S[second] << 32, block[74 + i], step, y);
        }
    }

    /// <summary>Half scale, 32 low index bytes, then for each 32 values 4 × 3 high index bits, a 3-bit scale and the sign of the offset.</summary>
    public static void Iq1S(byte* block, float* y)
    {
        var scale = Half(block);
        for (var i = 0; i < 32; i++, y += 8)
        {
            var rest = Unsafe.ReadUnaligned<ushort>(block + 34 + i / 4 * 2);
            var index = block[2 + i] | (rest >> (i % 4 * 3) & 7) << 8;
            SignedPoint(LatticeGrids.Iq1[index], (rest & 0x8000) != 0, scale * (2 * (rest >> 12 & 7) + 1), y);
        }
    }

    /// <summary>32 low index bytes, 32 × (3 high index bits, sign of the offset), 16 three-bit scales among which the half scale's nibbles stand.</summary>
    public static void Iq1M(byte* block, float* y)
    {
        var scales = block + 48;
        var bits = 0;
        for (var i = 0; i < 4; i++)
            bits |= scales[2 * i + 1] >> 4 << (4 * i);
        var scale = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
        for (var i = 0; i < 32; i++, y += 8)
        {
            var rest = block[32 + i / 2] >> (i % 2 * 4);
            var step = Unsafe.ReadUnaligned<ushort>(scales + i / 8 * 2) >> (i / 2 % 4 * 3) & 7;
            SignedPoint(LatticeGrids.Iq1[block[i] | (rest & 7) << 8], (rest & 8) != 0, scale * (2 * step + 1), y);
        }
    }

    /// <summary>Seven signs, and an eighth that makes their number even.</summary>
    private static int EvenSigns(uint seven)
    {
        seven &= 127;
        return (int)(seven | (uint)(BitOperations.PopCount(seven) & 1) << 7);
    }

    private static void Point(ulong coordinates, int signs, float step, float* y)
    {
        for (var i = 0; i < 8; i++)
        {
            var value = step * (byte)(coordinates >> (8 * i));
            y[i] = (signs >> i & 1) != 0 ? -value : value;
        }
    }

    private static void SignedPoint(ulong coordinates, bool below, float step, float* y)
    {
        for (var i = 0; i < 8; i++)
            y[i] = step * ((sbyte)(coordinates >> (8 * i)) + (below ? -Delta : Delta));
    }
}
