namespace Counterweight.Engine.Checkpoints;

/// <summary>
/// The element types of the safetensors format, in its order of rising alignment: writers lay tensors out from the last one to the first.
/// </summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>4-bit float (e2m1, as in MXFP4), two in a byte.</summary>
    F4,

    /// <summary>6-bit float with 2 exponent bits.</summary>
    F6E2M3,

    /// <summary>6-bit float with 3 exponent bits.</summary>
    F6E3M2,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>8-bit float with 5 exponent bits.</summary>
    F8E5M2,

    /// <summary>8-bit float with 4 exponent bits and no infinity (e4m3fn).</summary>
    F8E4M3,

    /// <summary>8-bit power of two: the block scales of the microscaling formats.</summary>
    F8E8M0,

    /// <summary>8-bit float with 4 exponent bits, without infinity and negative zero.</summary>
    F8E4M3Fnuz,

    /// <summary>8-bit float with 5 exponent bits, without infinity and negative zero.</summary>
    F8E5M2Fnuz,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a single.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Complex number of two singles.</summary>
    C64,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
public static class DTypes
{
    private static readonly string[] Names =
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64",
    ];

    private static readonly byte[] BitSizes = [8, 4, 6, 6, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 64, 64, 64, 64];

    /// <summary>All names, in the order of <see cref="DType"/>.</summary>
    public static IReadOnlyList<string> All => Names;

    /// <summary>The name that stands in a file, for example <c>BF16</c>.</summary>
    public static string Name(this DType type) => Names[(int)type];

    /// <summary>Bits of one element.</summary>
    public static int Bits(this DType type) => BitSizes[(int)type];

    /// <summary>The type of that name (exact case), or false.</summary>
    public static bool TryParse(string? name, out DType type)
    {
        var index = Array.IndexOf(Names, name);
        type = (DType)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>
    /// Elements and bytes of a tensor; false where a product leaves 63 bits or elements of less than a byte leave a byte half filled.
    /// </summary>
    /// <param name="type">The element type.</param>
    /// <param name="shape">Dimensions, each at least 0.</param>
    /// <param name="elements">The product of <paramref name="shape"/>; 1 for a scalar.</param>
    /// <param name="bytes">What the elements take.</param>
    internal static bool TryMeasure(DType type, ReadOnlySpan<long> shape, out long elements, out long bytes)
    {
        elements = 1;
        bytes = 0;
        foreach (var dimension in shape)
        {
            if (dimension != 0 && elements > long.MaxValue / dimension)
                return false;
            elements *= dimension;
        }
        var bits = (UInt128)elements * (uint)type.Bits();
        bytes = (long)(ulong)(bits / 8);
        return bits % 8 == 0 && bits / 8 <= long.MaxValue;
    }
}
