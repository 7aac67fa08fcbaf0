using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>The bytes of a matrix in <see cref="GroupedIntFormat"/> while they are put together from a checkpoint's tensors.</summary>
/// <param name="format">The format.</param>
/// <param name="rows">Which rows of which module.</param>
internal sealed unsafe class GroupedIntMatrix(GroupedIntFormat format, LinearRows rows)
{
    private const int Width = Kernels.MatMulKernel.PanelWidth;

    private readonly GroupedIntLayout _layout = format.Layout(rows.Outputs, rows.Inputs);
    private readonly int _groups = format.Groups(rows.Inputs);
    private readonly int _words = format.Words(rows.Inputs);

    /// <summary>All bytes.</summary>
    public byte[] Bytes { get; } = new byte[format.Bytes(rows.Outputs, rows.Inputs)];

    /// <summary>Words [words][all outputs], a stream of bits along the inputs: GPTQ.</summary>
    public void CopyWordRows(TensorView words)
    {
        fixed (byte* bytes = Bytes)
            for (var o = 0; o < rows.Outputs; o += Width)
            {
                var lanes = Math.Min(Width, rows.Outputs - o) * sizeof(uint);
                var target = (uint*)bytes + (long)o * _words;
                var source = (uint*)words.Pointer + rows.FirstRow + o;
                for (var w = 0; w < _words; w++, target += Width, source += rows.AllOutputs)
                    Buffer.MemoryCopy(source, target, lanes, lanes);
            }
    }

    /// <summary>Words [all outputs][words], a stream of bits along the inputs: compressed-tensors.</summary>
    public void CopyWordColumns(TensorView words)
    {
        fixed (byte* bytes = Bytes)
            for (var o = 0; o < rows.Outputs; o++)
            {
                var target = (uint*)bytes + (long)(o / Width) * _words * Width + o % Width;
                var source = (uint*)words.Pointer + (long)(rows.FirstRow + o) * _words;
                for (var w = 0; w < _words; w++)
                    target[w * Width] = source[w];
            }
    }

    /// <summary>4-bit codes [inputs][all outputs / 8] of a word, outputs of a word in the order 0 2 4 6 1 3 5 7 from the lowest bits on: AWQ.</summary>
    public void InterleaveAwq(TensorView words)
    {
        const int CodesOfWord = 8;
        var wordsOfRow = rows.AllOutputs / CodesOfWord;
        fixed (byte* bytes = Bytes)
            for (var o = 0; o < rows.Outputs; o += Width)
            {
                var target = (uint*)bytes + (long)o * _words;
                var second = rows.Outputs - o > CodesOfWord ? 1 : 0;
                var source = (uint*)words.Pointer + (rows.FirstRow + o) / CodesOfWord;
                for (var i = 0; i < rows.Inputs; i++, source += wordsOfRow)
                {
                    var codes = Vector512.Create(AwqCodes(source[0]), AwqCodes(source[second]));
                    var word = target + i / CodesOfWord * Width;
                    (Vector512.Load(word) | (codes << (i % CodesOfWord * 4))).Store(word);
                }
            }
    }

    /// <summary>Signed bytes [all outputs][inputs] as unsigned ones: compressed-tensors' int-quantized.</summary>
    public void CopySignedBytes(TensorView codes)
    {
        for (var o = 0; o < rows.Outputs; o++)
        {
            var source = codes.Pointer + (long)(rows.FirstRow + o) * rows.Inputs;
            for (var i = 0; i < rows.Inputs; i++)
                Bytes[((long)(o / Width) * _words + i / sizeof(uint)) * (Width * sizeof(uint)) + o % Width * sizeof(uint) + i % sizeof(uint)] = (byte)(source[i] + 128);
        }
    }

    /// <summary>Scales [groups][all outputs].</summary>
    public void CopyScaleRows(TensorView scales) => CopyScales(scales, rows.AllOutputs, 1);

    /// <summary>Scales [all outputs][groups].</summary>
    public void CopyScaleColumns(TensorView scales) => CopyScales(scales, 1, _groups);

    /// <summary>Zero points.</summary>
    /// <param name="zero">That of (group, row of the whole matrix).</param>
    public void SetZeros(Func<int, int, int> zero)
    {
        for (var o = 0; o < rows.Outputs; o++)
            for (var g = 0; g < _groups; g++)
                Bytes[_layout.Zeros + At(o, g)] = (byte)zero(g, rows.FirstRow + o);
    }

    /// <summary>The group of each input.</summary>
    public void SetIndex(ReadOnlySpan<int> index) => index.CopyTo(MemoryMarshal.Cast<byte, int>(Bytes.AsSpan((int)_layout.Index)));

    private long At(int output, int group) => ((long)(output / Width) * _groups + group) * Width + output % Width;

    private void CopyScales(TensorView scales, long groupStride, long outputStride)
    {
        var size = format.ScaleType.Bits() / 8;
        for (var o = 0; o < rows.Outputs; o++)
            for (var g = 0; g < _groups; g++)
            {
                var source = scales.Pointer + (g * groupStride + (rows.FirstRow + o) * outputStride) * size;
                new ReadOnlySpan<byte>(source, size).CopyTo(Bytes.AsSpan((int)(_layout.Scales + At(o, g) * size)));
            }
    }

    private static Vector256<uint> AwqCodes(uint word)
    {
        var shifts = Vector256.Create(0u, 16, 4, 20, 8, 24, 12, 28);
        var codes = Avx2.IsSupported
            ? Avx2.ShiftRightLogicalVariable(Vector256.Create(word), shifts)
            : Vector256.Create(word, word >> 16, word >> 4, word >> 20, word >> 8, word >> 24, word >> 12, word >> 28);
        return codes & Vector256.Create(15u);
    }
}
