using System.Numerics.Tensors;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Quantization;

namespace Counterweight.Engine.Kernels;

/// <summary>What a weight matrix keeps its scales as.</summary>
public enum ScaleType
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>bfloat16.</summary>
    BFloat16,

    /// <summary>IEEE half precision.</summary>
    Half,

    /// <summary>IEEE single precision.</summary>
    Single,
}

/// <summary>The scales of a weight matrix.</summary>
/// <param name="Type">What each is kept as.</param>
/// <param name="Group">Neighbouring inputs that share one, a multiple of 32; 0: one for a whole row.</param>
public readonly record struct ScaleFormat(ScaleType Type, int Group)
{
    /// <summary>The scales of a precision of the project's own quantizers.</summary>
    public static ScaleFormat Of(Precision precision) => precision switch
    {
        Precision.Int8 => new ScaleFormat(ScaleType.BFloat16, 0),
        Precision.LlmInt8 => new ScaleFormat(ScaleType.Single, 0),
        Precision.Int4 => new ScaleFormat(ScaleType.BFloat16, QuantizedMatrix.GroupSize),
        _ => default,
    };

    /// <summary>Bytes of a scale.</summary>
    public int Bytes => Type switch
    {
        ScaleType.None => 0,
        ScaleType.Single => sizeof(float),
        _ => sizeof(ushort),
    };

    /// <summary>Scales of a row.</summary>
    public int PerRow(int inputs) => Type == ScaleType.None ? 0 : Group == 0 ? 1 : (inputs + Group - 1) / Group;

    /// <summary>Whether a scale is kept as it is.</summary>
    public bool Holds(float scale) => float.IsFinite(scale) && Type switch
    {
        ScaleType.BFloat16 => (BitConverter.SingleToUInt32Bits(scale) & 0xFFFF) == 0,
        ScaleType.Half => (float)(Half)scale == scale,
        _ => true,
    };

    /// <summary>Keeps scales as they are to be kept; they are such values already.</summary>
    internal unsafe void Narrow(ReadOnlySpan<float> values, byte* scales)
    {
        switch (Type)
        {
            case ScaleType.BFloat16: BFloat16.RoundToNearest(values, new Span<ushort>(scales, values.Length)); break;
            case ScaleType.Half: TensorPrimitives.ConvertToHalf(values, new Span<Half>(scales, values.Length)); break;
            default: values.CopyTo(new Span<float>(scales, values.Length)); break;
        }
    }

    /// <summary>The scales as fp32, widened into the buffer unless they are kept so.</summary>
    internal unsafe float* Widen(byte* scales, int count, float* buffer)
    {
        if (Type == ScaleType.Single)
            return (float*)scales;
        if (Type == ScaleType.Half)
            HalfScales.Widen((ushort*)scales, count, buffer);
        else
            BFloat16.Widen(new ReadOnlySpan<ushort>(scales, count), new Span<float>(buffer, count));
        return buffer;
    }

    internal unsafe float Load(byte* scales, int index) => Type switch
    {
        ScaleType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)scales)[index] << 16),
        ScaleType.Half => (float)((Half*)scales)[index],
        _ => ((float*)scales)[index],
    };
}
