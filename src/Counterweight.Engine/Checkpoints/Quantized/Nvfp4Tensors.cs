using System.Runtime.InteropServices;
using Counterweight.Engine.Quantization.Formats;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>What the tensors of an NVFP4 module are called, and how its two kinds of scales go together.</summary>
/// <param name="Codes">Codes, two in a byte.</param>
/// <param name="MatrixScale">The scale of the whole matrix.</param>
/// <param name="InputScale">That of activations, which stay in floating point here.</param>
/// <param name="Format">The format.</param>
internal sealed record Nvfp4Names(string Codes, string MatrixScale, string InputScale, Nvfp4Format Format)
{
    /// <summary>As TensorRT Model Optimizer writes them.</summary>
    public static Nvfp4Names ModelOptimizer { get; } = new(".weight", ".weight_scale_2", ".input_scale", Nvfp4Format.Multiplied);

    /// <summary>As compressed-tensors writes them.</summary>
    public static Nvfp4Names Compressed { get; } = new(".weight_packed", ".weight_global_scale", ".input_global_scale", Nvfp4Format.Divided);
}

/// <summary>NVFP4: codes U8 [outputs, inputs / 2], <c>weight_scale</c> F8_E4M3 [outputs, inputs / 16], and a scale for the matrix.</summary>
/// <param name="tensors">The checkpoint's tensors.</param>
/// <param name="names">What they are called.</param>
/// <param name="expects">Whether packed codes of a module are such floats.</param>
internal sealed class Nvfp4Tensors(TensorSource tensors, Nvfp4Names names, Func<string, bool> expects) : LinearTensors(tensors)
{
    private const string BlockScale = ".weight_scale";
    private const int BlockCodes = Nvfp4Format.BlockInputs / 2;

    protected override IReadOnlyList<string> Parts { get; } = [names.Codes, BlockScale, names.MatrixScale, names.InputScale];

    protected override bool HasModule(string module) => Tensors.TryGet(module + names.Codes, out var codes) && codes.DType == DType.U8 && expects(module);

    protected override (int Outputs, int Inputs) SizeOf(string module) => Size(module + names.Codes) is var (outputs, pairs) ? (outputs, checked(2 * pairs)) : default;

    protected override StoredFormat FormatOf(in LinearRows rows)
    {
        if (rows.Inputs % Nvfp4Format.BlockInputs != 0)
            throw Refuse(Tensors.Get(rows.Module + names.Codes), $"{rows.Inputs} inputs", $"a multiple of {Nvfp4Format.BlockInputs}, the inputs of a block");
        CodesOf(rows);
        ScalesOf(rows);
        MatrixScaleOf(rows.Module);
        return names.Format;
    }

    protected override unsafe ReadOnlyMemory<byte> Read(in LinearRows rows, StoredFormat format)
    {
        var bytes = new byte[format.Bytes(rows.Outputs, rows.Inputs)];
        var firstBlock = (long)rows.FirstRow * rows.Inputs / Nvfp4Format.BlockInputs;
        var codes = CodesOf(rows).Pointer + firstBlock * BlockCodes;
        var scales = ScalesOf(rows).Pointer + firstBlock;
        var target = bytes.AsSpan(0, (int)Nvfp4Format.ScaleAt(rows.Outputs, rows.Inputs));
        for (; target.Length > 0; target = target[Nvfp4Format.BlockBytes..], codes += BlockCodes)
        {
            target[0] = *scales++;
            new ReadOnlySpan<byte>(codes, BlockCodes).CopyTo(target[1..]);
        }
        MemoryMarshal.Write(bytes.AsSpan((int)Nvfp4Format.ScaleAt(rows.Outputs, rows.Inputs)), MatrixScaleOf(rows.Module));
        return bytes;
    }

    private TensorView CodesOf(in LinearRows rows) => Get(rows.Module + names.Codes, [rows.AllOutputs, rows.Inputs / 2], DType.U8);

    private TensorView ScalesOf(in LinearRows rows) => Get(rows.Module + BlockScale, [rows.AllOutputs, rows.Inputs / Nvfp4Format.BlockInputs], DType.F8E4M3);

    private float MatrixScaleOf(string module)
    {
        var scale = Tensors.Get(module + names.MatrixScale);
        return scale.ElementCount == 1 ? scale.ToFloats()[0] : throw Refuse(scale, $"shape {InputText.Shape(scale.Shape)}", "one scale for the matrix");
    }
}
