using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>Rows of activations as bfloat16, filled up with zeros to whole groups of 32 inputs.</summary>
internal static unsafe class RoundedRows
{
    /// <summary>Inputs of a block.</summary>
    public const int Group = QuantizedRows.Group;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = Group * sizeof(ushort);

    /// <summary>Bytes of a row.</summary>
    public static int RowBytes(int inputs) => (inputs + Group - 1) / Group * BlockBytes;

    /// <summary>Rounds a row to the nearest values.</summary>
    public static void Round(float* x, int inputs, byte* row)
    {
        var rounded = new Span<ushort>(row, RowBytes(inputs) / sizeof(ushort));
        BFloat16.RoundToNearest(new ReadOnlySpan<float>(x, inputs), rounded);
        rounded[inputs..].Clear();
    }
}
