namespace Counterweight.Engine.Kernels;

/// <summary>What a matrix product takes activations as.</summary>
public enum ActivationFormat
{
    /// <summary>fp32.</summary>
    Single,

    /// <summary>bfloat16, whose pairs of products the machine adds in one instruction.</summary>
    BFloat16,

    /// <summary>int8 with a scale for each 32 of them.</summary>
    Int8,
}
