namespace Counterweight.Engine.Threading;

/// <summary>What activations are when they meet weights of few bits. Routers take fp32 in every mode.</summary>
public enum ComputeMode
{
    /// <summary>fp32, and weights are widened: for verification and calibration.</summary>
    Exact,

    /// <summary>With integer weights int8 with a scale for each 32 of them, so that the machine's integer products can be used.</summary>
    Fast,

    /// <summary>The same, and with bf16 weights bfloat16 where the processor multiplies it.</summary>
    Fastest,
}
