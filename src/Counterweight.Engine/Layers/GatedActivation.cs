namespace Counterweight.Engine.Layers;

/// <summary>What an expert makes of its gate and up projections.</summary>
public abstract unsafe class GatedActivation
{
    /// <summary>SwiGLU (Shazeer 2020).</summary>
    public static GatedActivation Silu { get; } = new SiluActivation();

    /// <summary>gate = act(gate, up), element by element.</summary>
    public abstract void Apply(float* gate, float* up, int count);

    private sealed class SiluActivation : GatedActivation
    {
        public override void Apply(float* gate, float* up, int count) => VectorMath.SiluMultiply(gate, up, count);
    }
}
