namespace Counterweight.Engine.Threading;

/// <summary>What activations are when they meet integer weights.</summary>
public enum ComputeMode
{
    /// <summary>fp32, and integer weights are widened: for verification and calibration.</summary>
    Exact,

    /// <summary>int8 with a scale for each 32 of them, so that the machine's integer products can be used.</summary>
    Fast,
}
