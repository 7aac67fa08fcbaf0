using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// compressed-tensors with integer codes: <c>weight_packed</c> [outputs, inputs · bits / 32] holds code + half of the range in words, or <c>weight</c> [outputs,
/// inputs] is I8; <c>weight_scale</c> [outputs, groups], perhaps <c>weight_zero_point</c> and <c>weight_g_idx</c>. weight = (code − zero) · scale.
/// </summary>
/// <param name="tensors">The checkpoint's tensors.</param>
/// <param name="schemeOf">The scheme of a module; null if none of the config's groups is for it.</param>
internal sealed class CompressedTensors(TensorSource tensors, Func<string, CompressedScheme?> schemeOf) : LinearTensors(tensors)
{
    private const string Weight = ".weight", Packed = ".weight_packed", Scale = ".weight_scale", Zero = ".weight_zero_point", Index = ".weight_g_idx", Shape = ".weight_shape";
    private const int WordBits = 32, MiddleOfByte = 128;

    protected override IReadOnlyList<string> Parts { get; } = [Weight, Packed, Scale, Zero, Index, Shape];

    protected override bool HasModule(string module) =>
        Has(module + Packed) ? SchemeOf(module).Form != CompressedForm.SmallFloats : Has(module + Scale) && SchemeOf(module).Form == CompressedForm.SignedBytes;

    protected override (int Outputs, int Inputs) SizeOf(string module)
    {
        if (SchemeOf(module).Form == CompressedForm.SignedBytes)
            return Size(module + Weight);
        var shape = Tensors.Get(module + Shape, 2);
        var sizes = shape.ToInt64();
        return sizes[0] is > 0 and <= int.MaxValue && sizes[1] is > 0 and <= int.MaxValue
            ? ((int)sizes[0], (int)sizes[1])
            : throw Refuse(shape, InputText.Shape<long>(sizes), "two sizes above 0");
    }

    protected override StoredFormat FormatOf(in LinearRows rows)
    {
        var scheme = SchemeOf(rows.Module);
        var groups = Groups(scheme, rows.Inputs);
        if (scheme.Form == CompressedForm.SignedBytes)
            Get(rows.Module + Weight, [rows.AllOutputs, rows.Inputs], DType.I8);
        else
            CheckPacked(rows, scheme);
        var scale = Tensors.Get(rows.Module + Scale);
        if (!(groups == 1 && scale.ElementCount == rows.AllOutputs && scale.Shape.Length == 1))
            Get(rows.Module + Scale, [rows.AllOutputs, groups], DType.F16, DType.BF16, DType.F32);
        if (!scheme.IsSymmetric)
            Zeros(rows, scheme, groups);
        if (scheme.HasIndex)
            CheckIndex(rows, groups);
        return new GroupedIntFormat(scheme.Bits, scheme.GroupSize, scale.DType, scheme.IsSymmetric, scheme.HasIndex ? groups : 0);
    }

    protected override ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format)
    {
        var (scheme, grouped) = (SchemeOf(rows.Module), (GroupedIntFormat)format);
        var matrix = new GroupedIntMatrix(grouped, rows);
        if (scheme.Form == CompressedForm.SignedBytes)
            matrix.CopySignedBytes(Tensors.Get(rows.Module + Weight));
        else
            matrix.CopyWordColumns(Tensors.Get(rows.Module + Packed));
        matrix.CopyScaleColumns(Tensors.Get(rows.Module + Scale));
        if (!scheme.IsSymmetric)
            matrix.SetZeros(Zeros(rows, scheme, Groups(scheme, rows.Inputs)));
        if (scheme.HasIndex)
            matrix.SetIndex(IndexOf(rows));
        return matrix.Bytes;
    }

    private CompressedScheme SchemeOf(string module) =>
        schemeOf(module) ?? throw new Balancing.InvalidInputException($"{Tensors.ListedIn}, tensor {InputText.Quoted(module + Scale)}", "a module that no group of quantization_config has as a target", "a group for every quantized module");

    private void CheckPacked(in LinearRows rows, CompressedScheme scheme)
    {
        Get(rows.Module + Packed, [rows.AllOutputs, (int)(((long)rows.Inputs * scheme.Bits + WordBits - 1) / WordBits)], DType.I32);
        if (Has(rows.Module + Shape) && SizeOf(rows.Module) is var (outputs, inputs) && (outputs, inputs) != (rows.AllOutputs, rows.Inputs))
            throw Refuse(Tensors.Get(rows.Module + Shape), $"[{outputs}, {inputs}]", $"[{rows.AllOutputs}, {rows.Inputs}]");
    }

    /// <summary>The zero points: packed along the outputs where codes are packed, else I8.</summary>
    private unsafe Func<int, int, int> Zeros(in LinearRows rows, CompressedScheme scheme, int groups)
    {
        var bits = scheme.Bits;
        if (scheme.Form == CompressedForm.SignedBytes)
        {
            var bytes = Get(rows.Module + Zero, [rows.AllOutputs, groups], DType.I8);
            return (group, output) => (sbyte)bytes.Pointer[(long)output * groups + group] + MiddleOfByte;
        }
        var words = Get(rows.Module + Zero, [(int)(((long)rows.AllOutputs * bits + WordBits - 1) / WordBits), groups], DType.I32);
        return (group, output) =>
            (int)(((uint*)words.Pointer)[(long)(output * bits / WordBits) * groups + group] >> (output * bits % WordBits)) & ((1 << bits) - 1);
    }

    private void CheckIndex(in LinearRows rows, int groups)
    {
        var index = IndexOf(rows);
        for (var i = 0; i < index.Length; i++)
            if ((uint)index[i] >= (uint)groups)
                throw Refuse(Tensors.Get(rows.Module + Index), $"group {index[i]} of input {i}", $"0 to {groups - 1}");
    }

    private unsafe ReadOnlySpan<int> IndexOf(in LinearRows rows) => new(Get(rows.Module + Index, [rows.Inputs], DType.I32).Pointer, rows.Inputs);

    private static int Groups(CompressedScheme scheme, int inputs) => scheme.GroupSize > 0 ? (inputs + scheme.GroupSize - 1) / scheme.GroupSize : 1;
}
