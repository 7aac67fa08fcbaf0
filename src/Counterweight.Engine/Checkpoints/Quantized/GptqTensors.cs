using System.Globalization;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>How the modules of a GPTQ checkpoint were quantized.</summary>
/// <param name="Bits">Bits of a code.</param>
/// <param name="GroupSize">Inputs of a group; 0 for whole rows.</param>
/// <param name="ActOrder">Whether groups were formed in another order than that of the inputs.</param>
internal sealed record GptqScheme(int Bits, int GroupSize, bool ActOrder);

/// <summary>
/// GPTQ (Frantar et al. 2022) as AutoGPTQ and GPTQModel write it: <c>qweight</c> [inputs · bits / 32, outputs] and <c>qzeros</c> [groups, outputs · bits / 32],
/// streams of bits, <c>scales</c> [groups, outputs] and <c>g_idx</c> [inputs], the group of each input. weight = (code − zero) · scale, where the first version
/// stores zero − 1.
/// </summary>
/// <param name="tensors">The checkpoint's tensors.</param>
/// <param name="schemeOf">The scheme of a module.</param>
/// <param name="zeroOffset">What is added to stored zero points: 1 in the first version, 0 in the second.</param>
internal sealed class GptqTensors(TensorSource tensors, Func<string, GptqScheme> schemeOf, int zeroOffset) : LinearTensors(tensors)
{
    private const string Codes = ".qweight", Zeros = ".qzeros", Scales = ".scales", Index = ".g_idx";
    private const int WordBits = 32;

    protected override IReadOnlyList<string> Parts { get; } = [Codes, Zeros, Scales, Index];

    protected override bool HasModule(string module) => Has(module + Codes) || Has(module + Scales) || Has(module + Zeros);

    protected override (int Outputs, int Inputs) SizeOf(string module)
    {
        var (words, outputs) = Size(module + Codes);
        return (outputs, (int)((long)words * WordBits / schemeOf(module).Bits));
    }

    protected override StoredFormat FormatOf(in LinearRows rows)
    {
        var scheme = schemeOf(rows.Module);
        CheckWhole(rows, rows.Inputs, scheme.Bits, "inputs");
        CheckWhole(rows, rows.AllOutputs, scheme.Bits, "outputs");
        var groups = scheme.GroupSize > 0 ? (rows.Inputs + scheme.GroupSize - 1) / scheme.GroupSize : 1;
        Get(rows.Module + Codes, [rows.Inputs * scheme.Bits / WordBits, rows.AllOutputs], DType.I32);
        Get(rows.Module + Zeros, [groups, rows.AllOutputs * scheme.Bits / WordBits], DType.I32);
        var scales = Get(rows.Module + Scales, [groups, rows.AllOutputs], DType.F16, DType.BF16, DType.F32);
        return new GroupedIntFormat(scheme.Bits, scheme.GroupSize, scales.DType, symmetric: false, NeedsIndex(rows, scheme, groups) ? groups : 0);
    }

    protected override unsafe ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format)
    {
        var grouped = (GroupedIntFormat)format;
        var matrix = new GroupedIntMatrix(grouped, rows);
        matrix.CopyWordRows(Tensors.Get(rows.Module + Codes));
        matrix.CopyScaleRows(Tensors.Get(rows.Module + Scales));
        var zeros = Tensors.Get(rows.Module + Zeros);
        var (bits, words, mask) = (grouped.Bits, rows.AllOutputs * grouped.Bits / WordBits, (1 << grouped.Bits) - 1);
        // The sum is taken in the bits of a code, as the reference does: a stored 15 of four bits is a zero point of 0.
        matrix.SetZeros((group, output) => (BitsAt((uint*)zeros.Pointer + (long)group * words, output * bits, bits) + zeroOffset) & mask);
        if (grouped.IndexedGroups > 0)
            matrix.SetIndex(Groups(rows));
        return matrix.Bytes;
    }

    /// <summary>An index that only says what the group size says is not kept.</summary>
    private bool NeedsIndex(in LinearRows rows, GptqScheme scheme, int groups)
    {
        if (!scheme.ActOrder && !Has(rows.Module + Index))
            return false;
        var index = Groups(rows);
        var inOrder = true;
        for (var i = 0; i < index.Length; i++)
        {
            if ((uint)index[i] >= (uint)groups)
                throw Refuse(Tensors.Get(rows.Module + Index), $"group {index[i]} of input {i}", string.Create(CultureInfo.InvariantCulture, $"0 to {groups - 1}"));
            inOrder &= index[i] == (scheme.GroupSize > 0 ? i / scheme.GroupSize : 0);
        }
        return !inOrder;
    }

    private unsafe ReadOnlySpan<int> Groups(in LinearRows rows) => new(Get(rows.Module + Index, [rows.Inputs], DType.I32).Pointer, rows.Inputs);

    private void CheckWhole(in LinearRows rows, int size, int bits, string what)
    {
        if ((long)size * bits % WordBits != 0)
            throw Refuse(Tensors.Get(rows.Module + Codes), $"{size} {what} of {bits} bits", $"{what} that fill words of {WordBits} bits");
    }

    private static unsafe int BitsAt(uint* words, int bit, int bits)
    {
        var (word, shift) = (bit / WordBits, bit % WordBits);
        var value = words[word] >> shift;
        if (shift + bits > WordBits)
            value |= words[word + 1] << (WordBits - shift);
        return (int)(value & ((1u << bits) - 1));
    }
}
