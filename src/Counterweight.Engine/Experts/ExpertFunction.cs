using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Experts;

/// <summary>What the experts of a family compute with their weights.</summary>
/// <param name="Activation">Between the projections.</param>
/// <param name="WeighsInput">Whether router weights multiply what experts are given instead of what they return.</param>
public sealed record ExpertFunction(Activation Activation, bool WeighsInput = false)
{
    /// <summary>SwiGLU, outputs weighed.</summary>
    public static ExpertFunction Default { get; } = new(Activation.SwiGlu);
}
