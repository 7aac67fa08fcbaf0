using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Counterweight.Engine.Quantization.Blocks.BlockValues;

namespace Counterweight.Engine.Quantization.Blocks;

/// <summary>Blocks whose 4-bit codes are looked up in a table of 16 values.</summary>
internal static unsafe class FourBitFloatBlocks
{
    /// <summary>Twice the values of e2m1 (OCP Microscaling Formats 1.0), so that they are integers.</summary>
    private static Vector128<sbyte> TwiceE2M1 => Vector128.Create(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

    /// <summary>The levels of IQ4_NL and IQ4_XS.</summary>
    private static Vector128<sbyte> NonLinear => Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    /// <summary>Exponent byte (e8m0), 16 bytes.</summary>
    public static void MxFp4(byte* block, float* y) => Lookup(TwiceE2M1, block + 1, HalfOfPowerOfTwo(block[0]), y);

    /// <summary>Four e4m3 scales, then 8 bytes for each 16 values.</summary>
    public static void NvFp4(byte* block, float* y)
    {
        for (var part = 0; part < 4; part++)
        {
            var bytes = Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(block + 4 + 8 * part)).AsByte();
            var codes = (bytes & Vector128.Create((byte)15)) | Vector128.Shuffle(bytes >>> 4, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 2, 3, 4, 5, 6, 7));
            Scale(Vector128.Shuffle(TwiceE2M1, codes.AsSByte()), HalfOfE4M3(block[part]), y + 16 * part);
        }
    }

    /// <summary>Half scale, 16 bytes.</summary>
    public static void Iq4Nl(byte* block, float* y) => Lookup(NonLinear, block + 2, Half(block), y);

    /// <summary>Half scale, 8 six-bit scales (2 high bits each, then 4 low bits each), 8 × 16 bytes.</summary>
    public static void Iq4Xs(byte* block, float* y)
    {
        var scale = Half(block);
        var high = Unsafe.ReadUnaligned<ushort>(block + 2);
        for (var part = 0; part < 8; part++)
        {
            var code = (block[4 + part / 2] >> (part % 2 * 4) & 15) | (high >> (2 * part) & 3) << 4;
            Lookup(NonLinear, block + 8 + 16 * part, scale * (code - 32), y + 32 * part);
        }
    }

    private static void Lookup(Vector128<sbyte> table, byte* codes, float scale, float* y)
    {
        Scale(Vector128.Shuffle(table, Bits(codes, 0, 15).AsSByte()), scale, y);
        Scale(Vector128.Shuffle(table, Bits(codes, 4, 15).AsSByte()), scale, y + 16);
    }

    /// <summary>2^(x − 128), below 2^−126 a denormal.</summary>
    private static float HalfOfPowerOfTwo(byte x) => BitConverter.UInt32BitsToSingle(x < 2 ? 0x0020_0000u << x : (uint)(x - 1) << 23);

    /// <summary>Half of an e4m3 value without sign; 127 counts as 0.</summary>
    private static float HalfOfE4M3(byte x)
    {
        var (exponent, mantissa) = (x >> 3 & 15, x & 7);
        if (x is 0 or 127)
            return 0;
        return exponent == 0 ? MathF.ScaleB(mantissa, -10) : (1 + mantissa / 8f) * MathF.ScaleB(0.5f, exponent - 7);
    }
}
