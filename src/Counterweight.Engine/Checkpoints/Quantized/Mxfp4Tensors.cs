using Counterweight.Balancing;
using Counterweight.Engine.Experts;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>
/// Stacks of experts in MXFP4, as gpt-oss has them: <c>name_blocks</c> [experts, outputs, inputs / 32, 16] and <c>name_scales</c> [experts, outputs, inputs / 32].
/// Blocks run along the inputs, while the ordinary tensor is [experts, inputs, outputs].
/// </summary>
/// <param name="tensors">The checkpoint's tensors.</param>
internal sealed class Mxfp4Tensors(TensorSource tensors) : IStoredTensors
{
    private const int PairsOfBlock = Mxfp4Format.BlockInputs / 2;

    /// <summary>None: stacks hold experts alone.</summary>
    public IReadOnlyCollection<WeightPlace> Matrices => [];

    public StoredFormat? FormatOf(WeightPlace place)
    {
        if (TensorsOf(place.Tensor).Count == 0)
            return null;
        Find(place);
        return Mxfp4Format.Instance;
    }

    public IReadOnlyList<string> TensorsOf(string tensor) => [.. new[] { $"{tensor}_blocks", $"{tensor}_scales" }.Where(name => tensors.TryGet(name, out _))];

    public unsafe ReadOnlyMemory<byte> Read(WeightPlace place, StoredFormat format)
    {
        var (blocks, scales, firstRow, rowStride) = Find(place);
        var blocksOfRow = place.Inputs / Mxfp4Format.BlockInputs;
        var bytes = new byte[format.Bytes(place.Outputs, place.Inputs)];
        fixed (byte* first = bytes)
        {
            var target = first;
            for (var o = 0; o < place.Outputs; o++)
            {
                var block = (firstRow + o * rowStride) * blocksOfRow;
                for (var b = 0; b < blocksOfRow; b++, block++, target += Mxfp4Format.BlockBytes)
                {
                    *target = scales.Pointer[block];
                    Buffer.MemoryCopy(blocks.Pointer + block * PairsOfBlock, target + 1, PairsOfBlock, PairsOfBlock);
                }
            }
        }
        return bytes;
    }

    /// <summary>The two tensors and the rows of the stack that an expert's matrix is.</summary>
    private (TensorView Blocks, TensorView Scales, long FirstRow, long RowStride) Find(WeightPlace place)
    {
        if (place is not { Shape: [var experts, var inputs, var outputs] } || inputs != place.Inputs || place.InputStride != outputs)
            throw new InvalidInputException($"tensor {InputText.Quoted(place.Tensor)}", "in MXFP4", "a floating-point tensor: only stacks [experts, inputs, outputs] can be read in MXFP4");
        if (inputs % Mxfp4Format.BlockInputs != 0)
            throw new InvalidInputException($"tensor {InputText.Quoted($"{place.Tensor}_blocks")}", $"{inputs} inputs", $"a multiple of {Mxfp4Format.BlockInputs}, the inputs of a block");
        var blocks = Get($"{place.Tensor}_blocks", experts, outputs, inputs / Mxfp4Format.BlockInputs, PairsOfBlock);
        var scales = Get($"{place.Tensor}_scales", experts, outputs, inputs / Mxfp4Format.BlockInputs);
        var (expert, column) = Math.DivRem(place.First, (long)inputs * outputs);
        return (blocks, scales, expert * outputs + column, place.OutputStride);
    }

    private TensorView Get(string name, params ReadOnlySpan<int> shape)
    {
        var tensor = tensors.Get(name, shape);
        return tensor.DType == DType.U8
            ? tensor
            : throw new InvalidInputException($"{tensor.File}, tensor {InputText.Quoted(name)}", $"dtype {tensor.DType.Name()}", "U8");
    }
}
