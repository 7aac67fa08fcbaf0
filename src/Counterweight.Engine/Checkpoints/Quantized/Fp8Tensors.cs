using System.Runtime.InteropServices;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// 8-bit floats under <c>module.weight</c> with their scales in a tensor beside: in blocks (DeepSeek-V3's <c>weight_scale_inv</c>), by row, or one for all.
/// Despite the name of the former, weight = code · scale.
/// </summary>
/// <param name="tensors">The checkpoint's tensors.</param>
/// <param name="scaleNames">What scales may be called, without the module.</param>
/// <param name="blockOf">Rows and columns of a block of a module; null where it has none.</param>
/// <param name="expects">Whether scales of a module belong to 8-bit floats.</param>
internal sealed class Fp8Tensors(
    TensorSource tensors, string[] scaleNames, Func<string, (int Rows, int Columns)?> blockOf, Func<string, bool> expects) : LinearTensors(tensors)
{
    private const string Weight = ".weight";
    private const string InputScale = ".input_scale"; // of static activations, which stay in floating point here

    protected override IReadOnlyList<string> Parts => [Weight, .. scaleNames, InputScale];

    protected override bool HasModule(string module) =>
        (Tensors.TryGet(module + Weight, out var weight) && IsFp8(weight.DType)) || (Array.Exists(scaleNames, name => Has(module + name)) && expects(module));

    protected override (int Outputs, int Inputs) SizeOf(string module) => Size(module + Weight);

    protected override StoredFormat FormatOf(in LinearRows rows)
    {
        var weight = Weights(rows);
        var (blockRows, blockColumns) = BlockOf(rows);
        if (blockRows > 0 && rows.FirstRow % blockRows != 0)
            throw Refuse(weight, $"rows from {rows.FirstRow} on as a matrix of their own", $"parts that begin on a multiple of {blockRows}, the rows of a block");
        return new Fp8Format(weight.DType == DType.F8E5M2, blockRows, blockColumns);
    }

    protected override ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format)
    {
        var (outputs, inputs) = (rows.Outputs, rows.Inputs);
        var bytes = new byte[format.Bytes(outputs, inputs)];
        CopyCodes(Weights(rows), (long)rows.FirstRow * inputs, bytes.AsSpan(0, checked(outputs * inputs)));
        var (blockRows, _) = BlockOf(rows);
        var (scaleRows, scaleColumns) = ((Fp8Format)format).Scales(outputs, inputs);
        var first = blockRows > 0 ? rows.FirstRow / blockRows * scaleColumns : 0;
        var scales = ScaleValues.Read(Scale(rows)).AsSpan(first, scaleRows * scaleColumns);
        MemoryMarshal.AsBytes(scales).CopyTo(bytes.AsSpan((int)Fp8Format.ScalesAt(outputs, inputs)));
        return bytes;
    }

    private static unsafe void CopyCodes(TensorView weight, long first, Span<byte> codes) => new ReadOnlySpan<byte>(weight.Pointer + first, codes.Length).CopyTo(codes);

    private TensorView Weights(in LinearRows rows) => Get(rows.Module + Weight, [rows.AllOutputs, rows.Inputs], DType.F8E4M3, DType.F8E5M2);

    private TensorView Scale(in LinearRows rows)
    {
        var module = rows.Module;
        return Tensors.Get(module + (Array.Find(scaleNames, name => Has(module + name)) ?? scaleNames[0]));
    }

    /// <summary>What the shape of the scales says; 0 stands for all rows or columns.</summary>
    private (int Rows, int Columns) BlockOf(in LinearRows rows)
    {
        var scale = Scale(rows);
        var shape = scale.Shape;
        if (blockOf(rows.Module) is { } sizes)
        {
            scale.RequireShape((rows.AllOutputs + sizes.Rows - 1) / sizes.Rows, (rows.Inputs + sizes.Columns - 1) / sizes.Columns);
            return sizes;
        }
        if (scale.ElementCount == 1 && shape.Length <= 2)
            return (0, 0);
        if (shape is [var all, ..] && all == rows.AllOutputs && (shape.Length == 1 || shape is [_, 1]))
            return (1, 0);
        throw Refuse(scale, $"shape {InputText.Shape(shape)}", $"shape [1], or [{rows.AllOutputs}, 1] for a scale of each row");
    }

    private static bool IsFp8(DType type) => type is DType.F8E4M3 or DType.F8E5M2;
}
