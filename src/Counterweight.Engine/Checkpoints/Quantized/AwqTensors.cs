using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// AWQ (Lin et al. 2023) in the layout that AutoAWQ calls GEMM: <c>qweight</c> [inputs, outputs / 8], <c>qzeros</c> [groups, outputs / 8], eight outputs of a word
/// in the order 0 2 4 6 1 3 5 7, and <c>scales</c> [groups, outputs]. weight = (code − zero) · scale.
/// </summary>
/// <param name="tensors">The checkpoint's tensors.</param>
/// <param name="groupSize">Inputs of a group; 0 for whole columns.</param>
internal sealed class AwqTensors(TensorSource tensors, int groupSize) : LinearTensors(tensors)
{
    private const string Codes = ".qweight", Zeros = ".qzeros", Scales = ".scales";
    private const int Bits = 4, CodesOfWord = 8;

    // Place of an output within its word.
    private static readonly int[] Order = [0, 4, 1, 5, 2, 6, 3, 7];

    protected override IReadOnlyList<string> Parts { get; } = [Codes, Zeros, Scales];

    protected override bool HasModule(string module) => Has(module + Codes) || Has(module + Scales) || Has(module + Zeros);

    protected override (int Outputs, int Inputs) SizeOf(string module)
    {
        var (inputs, words) = Size(module + Codes);
        return (words * CodesOfWord, inputs);
    }

    protected override StoredFormat FormatOf(in LinearRows rows)
    {
        if (rows.AllOutputs % CodesOfWord != 0 || rows.FirstRow % CodesOfWord != 0)
            throw Refuse(Tensors.Get(rows.Module + Codes), $"{rows.AllOutputs} outputs, from {rows.FirstRow} on", $"multiples of {CodesOfWord}, the outputs of a word");
        var groups = groupSize > 0 ? (rows.Inputs + groupSize - 1) / groupSize : 1;
        Get(rows.Module + Codes, [rows.Inputs, rows.AllOutputs / CodesOfWord], DType.I32);
        Get(rows.Module + Zeros, [groups, rows.AllOutputs / CodesOfWord], DType.I32);
        var scales = Get(rows.Module + Scales, [groups, rows.AllOutputs], DType.F16, DType.BF16, DType.F32);
        return new GroupedIntFormat(Bits, groupSize, scales.DType, symmetric: false);
    }

    protected override unsafe ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format)
    {
        var matrix = new GroupedIntMatrix((GroupedIntFormat)format, rows);
        matrix.InterleaveAwq(Tensors.Get(rows.Module + Codes));
        matrix.CopyScaleRows(Tensors.Get(rows.Module + Scales));
        var zeros = Tensors.Get(rows.Module + Zeros);
        var words = rows.AllOutputs / CodesOfWord;
        matrix.SetZeros((group, output) =>
            (int)(((uint*)zeros.Pointer)[(long)group * words + output / CodesOfWord] >> (Order[output % CodesOfWord] * Bits)) & 15);
        return matrix.Bytes;
    }
}
