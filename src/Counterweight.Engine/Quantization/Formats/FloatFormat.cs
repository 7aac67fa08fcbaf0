using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Quantization.Formats;

/// <summary>Row-major floats: experts that a checkpoint leaves in a floating-point type among others that it does not.</summary>
public sealed unsafe class FloatFormat : RowFormat
{
    private readonly Precision _precision;
    private readonly int _size;

    private FloatFormat(Precision precision, int size) => (_precision, _size) = (precision, size);

    private static readonly FloatFormat Fp32 = new(Precision.Fp32, sizeof(float)), Fp16 = new(Precision.Fp16, sizeof(ushort)), Bf16 = new(Precision.Bf16, sizeof(ushort));

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FloatFormat> All { get; } = [Fp32, Fp16, Bf16];

    /// <summary>The format of fp32, fp16 or bf16.</summary>
    public static FloatFormat Of(Precision precision) => precision switch
    {
        Precision.Fp32 => Fp32,
        Precision.Fp16 => Fp16,
        Precision.Bf16 => Bf16,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no floating-point type"),
    };

    /// <inheritdoc/>
    public override string Name => _precision.Name();

    /// <inheritdoc/>
    public override long Bytes(int outputs, int inputs) => (long)outputs * inputs * _size;

    /// <inheritdoc/>
    protected override void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values)
    {
        var source = codes.Pointer + ((long)row * codes.Inputs + firstInput) * _size;
        var target = new Span<float>(values, count);
        switch (_precision)
        {
            case Precision.Fp32: new ReadOnlySpan<float>(source, count).CopyTo(target); break;
            case Precision.Fp16: TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), target); break;
            default: BFloat16.Widen(new ReadOnlySpan<ushort>(source, count), target); break;
        }
    }
}
